"""What the trained model itself computes, in fp32 with torch: the yardstick for every file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from llm import Message
from llm.export import ExportError
from llm.export.names import Layout
from llm.export.probing import CANARY_TOKENS, Said
from llm.train.base import Base, load_base

if TYPE_CHECKING:
    import torch


class Reference:
    """The base with its adapter, or a model that was trained whole."""

    def __init__(self, model: Path, adapter: Path | None, threads: int) -> None:
        """Load it in fp32; `adapter` is a folder of peft. Raises UnusableBase, ExportError."""
        import torch

        torch.set_num_threads(threads)
        self.base: Base = load_base(model)
        self._model: Any = _with_adapter(self.base.model, adapter) if adapter else self.base.model
        self._model.eval()

    def merge(self) -> None:
        """Add the adapter to the weights, in fp32; from now on this is the merged model."""
        if hasattr(self._model, "merge_and_unload"):
            self._model = self._model.merge_and_unload()

    def logits(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the scores of what follows each prompt, shape (prompts, words)."""
        rows = [self._last(list(prompt)).numpy() for prompt in prompts]
        return np.stack(rows)

    def answer(self, asked: Sequence[Message]) -> Said:
        """Return the greedy answer."""
        import torch

        given = self.base.tokenize(self.base.template.render(asked))
        said: list[int] = []
        known: Any = None
        with torch.inference_mode():
            while len(said) < CANARY_TOKENS:
                result = self._model(torch.tensor([given]), past_key_values=known, use_cache=True)
                known, token = result.past_key_values, int(result.logits[0, -1].argmax())
                if token in self.base.ends:
                    return self._said(said, ended=True)
                said.append(token)
                given = [token]
        return self._said(said, ended=False)

    def importance(
        self, sequences: Sequence[Sequence[int]], layout: Layout
    ) -> dict[str, NDArray[np.float32]]:
        """Return the mean square of each input of each linear layer over these sequences.

        That is llama.cpp's importance matrix, made of the very texts the model was trained on.
        The reference is merged by this.
        """
        self.merge()
        sums: dict[str, NDArray[np.float64]] = {}
        counts: dict[str, int] = {}
        with _watching(self._model, layout, sums, counts):
            for sequence in sequences:
                self._last(list(sequence))
        return {name: (total / counts[name]).astype(np.float32) for name, total in sums.items()}

    def _last(self, tokens: list[int]) -> torch.Tensor:
        import torch

        with torch.inference_mode():
            result = self._model(input_ids=torch.tensor([tokens]), logits_to_keep=1)
        last: torch.Tensor = result.logits[0, -1].float()
        return last

    def _said(self, tokens: list[int], ended: bool) -> Said:
        return Said(tuple(tokens), str(self.base.tokenizer.decode(tokens)), ended)


def _with_adapter(model: Any, folder: Path) -> Any:
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            # PEFT 0.21 asks transformers 5 about checkpointing under its old name.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")
            return PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        line = (str(error).splitlines() or [""])[0]
        raise ExportError(f"the adapter {folder} does not fit the base: {line}") from error


@contextmanager
def _watching(
    model: Any, layout: Layout, sums: dict[str, NDArray[np.float64]], counts: dict[str, int]
) -> Iterator[None]:
    """Add up the squares of what goes into each linear layer of the blocks."""
    import torch

    def watch(name: str) -> Callable[[Any, tuple[Any, ...]], None]:
        def hook(_module: Any, inputs: tuple[Any, ...]) -> None:
            rows = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).double()
            sums[name] = sums.get(name, 0.0) + rows.square().sum(0).numpy()
            counts[name] = counts.get(name, 0) + rows.shape[0]

        return hook

    handles = [
        module.register_forward_pre_hook(watch(layout.gguf_name(f"{name}.weight")))
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and ".layers." in name
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
