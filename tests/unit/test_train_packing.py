"""Packs: the loss and the gradients of rows one by one, at less work; no row sees another."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from llm.train.base import Base
from llm.train.loss import by_row, log_likelihoods, preference, supervised
from llm.train.method import Trainable
from llm.train.packing import pack, packs
from llm.train.rows import Encoded, encode_all
from tests.tiny_llm.folders import write_folder
from tests.tiny_llm.training import CPU, load, quick, rows


@pytest.fixture(scope="module", params=["qwen2", "gemma3"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load(write_folder(tmp_path_factory.mktemp("base") / "model", request.param))


@pytest.fixture(scope="module")
def trainable(base: Base) -> Trainable:
    made = Trainable(base, quick(), CPU)
    generator = torch.Generator().manual_seed(3)
    for weight in made.weights.values():  # an adapter as if it had learned something
        weight.data = torch.randn(weight.shape, generator=generator) / 10
    return made


@pytest.fixture(scope="module")
def encoded(base: Base, trainable: Trainable) -> list[Encoded]:
    return encode_all(rows(8), base, 500)


def gradients(trainable: Trainable) -> dict[str, torch.Tensor]:
    found = {}
    for name, weight in trainable.weights.items():
        assert weight.grad is not None
        found[name] = weight.grad.clone()
        weight.grad = None
    return found


def test_a_pack_has_the_loss_and_gradients_of_its_rows(
    trainable: Trainable, encoded: list[Encoded]
) -> None:
    model: Any = trainable.base.model
    alone = torch.tensor(0.0)
    for row in encoded:
        labels = [-100] * row.start + list(row.ids[row.start :])
        ids = torch.tensor([row.ids])
        # The loss of transformers itself, a mean over the trained tokens.
        mean = model(input_ids=ids, labels=torch.tensor([labels])).loss
        alone = alone + mean * (len(row.ids) - row.start)
    alone.backward()
    wanted = gradients(trainable)
    together = supervised(log_likelihoods(model, pack(encoded)))
    together.backward()
    assert together.item() == pytest.approx(alone.item(), rel=1e-5)
    for name, gradient in gradients(trainable).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-3, atol=1e-4)


def test_what_rows_have_in_common_is_computed_once(encoded: list[Encoded]) -> None:
    shared, apart = pack(encoded), pack(encoded, share=False)
    assert len(apart.ids) == sum(len(row.ids) - 1 for row in encoded)
    assert len(shared.ids) < 0.8 * len(apart.ids)
    assert sorted(shared.targets) == sorted(apart.targets)
    assert len(pack([encoded[0], encoded[0]]).ids) == len(encoded[0].ids) - 1


def test_no_row_sees_another(encoded: list[Encoded]) -> None:
    made = pack(encoded)
    seen = made.visible()
    for source, target, number in zip(made.sources, made.targets, made.rows, strict=True):
        ids = encoded[number].ids
        path = made.ids[np.flatnonzero(seen[source])]
        assert tuple(path) == ids[: len(path)]
        assert ids[len(path)] == target


def test_packs_keep_to_their_size_and_lose_no_row(encoded: list[Encoded]) -> None:
    made = list(packs([(row,) for row in encoded], 60))
    assert len(made) > 1
    assert sum(len(each.targets) for each in made) == sum(
        len(row.ids) - row.start for row in encoded
    )
    assert all(len(each.ids) <= 60 for each in made if len(each.origins) > 1)


def test_pairs_stay_together(encoded: list[Encoded]) -> None:
    pairs = list(zip(encoded[::2], encoded[1::2], strict=True))
    for made in packs(pairs, 40):
        assert len(made.origins) % 2 == 0


def test_preference_loss_follows_its_formula(trainable: Trainable, encoded: list[Encoded]) -> None:
    model: Any = trainable.base.model
    made = pack(encoded[:2])
    with torch.no_grad():
        likelihoods = log_likelihoods(model, made)
        better, worse = by_row(likelihoods, made)
        reference = torch.tensor([-30.0, -20.0])
        loss = preference(likelihoods, made, reference, 0.5)
    margin = 0.5 * ((better + 30) - (worse + 20))
    assert loss.item() == pytest.approx(torch.log1p(torch.exp(-margin)).item(), rel=1e-5)


def test_the_quick_layer_computes_what_peft_computes(trainable: Trainable) -> None:
    from peft.tuners.lora import Linear

    from llm.train.lora import QuickLinear

    model: Any = trainable.base.model
    layer = next(module for module in model.modules() if isinstance(module, QuickLinear))
    x = torch.randn(3, 5, layer.in_features, requires_grad=True)
    results = []
    for forward in (QuickLinear.forward, Linear.forward):
        result = forward(layer, x)
        result.pow(2).sum().backward()
        results.append(
            [result, x.grad, *(p.grad for p in layer.parameters() if p.grad is not None)]
        )
        x.grad = None
        layer.zero_grad()
    assert len(results[0]) == 4
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_base_file_is_named(tmp_path: Path, trainable: Trainable) -> None:
    import json

    trainable.save(tmp_path)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == trainable.base.path.name
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter"]
