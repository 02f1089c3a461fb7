"""`hean bench train`: tokens trained in a second, ours and those of the loop that everyone writes.

The same rows of the knowledge base, the same model and rank, one after the other in one process.
The other loop is transformers with PEFT as their manuals show it: padded batches, labels for the
answers, `model(**batch).loss`. Measured in float32, which is what transformers loads a GGUF file
as, and in bfloat16.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from llm.data.knowledge_rows import knowledge_rows
from llm.train.settings import Settings
from voice.bench import Figures, Say, single
from voice.config import Config
from voice.engines import knowledge_of
from voice.process.memory import resident_mb
from voice.training.run import find_base, prepare

if TYPE_CHECKING:
    from llm.train.base import Base
    from llm.train.rows import Encoded

RANK = 16
_ROWS = 8
_PLAIN_BATCH = 4
_RUN_ROWS, _RUN_EPOCHS = 300, 3
"""The run whose time is told: 300 rows, 3 epochs."""
_IGNORED = -100


def measure(config: Config, name: str, say: Say) -> Figures:
    """Return the speed of training and of the plain loop, and the memory that ours took."""
    prepare()
    import torch

    from llm.train.hardware import find_hardware
    from llm.train.rows import encode_all
    from llm.train.run import load_for

    hardware = find_hardware()
    settings = Settings(rank=RANK, batch_rows=_ROWS, dtype=hardware.dtype)
    say(f"loading {name}")
    base = load_for(find_base(name, config), settings, hardware)
    rows = Random(1).sample(list(knowledge_rows(knowledge_of(config))), _ROWS)
    encoded = encode_all(rows, base, settings.max_tokens)
    say("training")
    step_s, tokens = _ours(base, encoded, settings)
    figures: Figures = {
        "tokens_per_s": single(tokens / step_s, tokens),
        "peak_rss_mb": single(resident_mb(field="VmHWM")),
    }
    mean_tokens = sum(len(row.ids) for row in encoded) / len(encoded)
    run_s = _RUN_ROWS * _RUN_EPOCHS * mean_tokens / (tokens / step_s)
    figures["run_of_300_rows_minutes"] = single(run_s / 60)
    for key, dtype in (("", torch.float32), ("_bf16", torch.bfloat16)):
        gc.collect()
        say(f"the plain loop in {dtype}".replace("torch.", ""))
        plain_s, read = _plain(base, encoded, settings, dtype)
        figures[f"plain_peft{key}_tokens_per_s"] = single(read / plain_s, read)
        figures[f"times_plain_peft{key}"] = single(tokens / step_s * plain_s / read)
    return figures


def _ours(base: Base, rows: Sequence[Encoded], settings: Settings) -> tuple[float, int]:
    from llm.train.folder import RunFolder
    from llm.train.hardware import find_hardware
    from llm.train.loop import Loop, Rows
    from llm.train.method import Trainable

    hardware = find_hardware()
    groups = [(row,) for row in rows]
    trainable = Trainable(base, settings, hardware)
    with TemporaryDirectory() as folder:
        loop = Loop(trainable, Rows(groups, groups), settings, hardware, RunFolder(Path(folder)))
        found = loop.try_step()
    trainable.take_off()
    return found


def _plain(
    base: Base, rows: Sequence[Encoded], settings: Settings, dtype: Any
) -> tuple[float, int]:
    """Train with transformers and PEFT as their manuals do; return seconds and tokens."""
    import torch

    from llm.train.method import add_lora

    model: Any = base.model.to(dtype)
    model.set_attn_implementation("sdpa")
    trained = add_lora(model, settings)
    optimizer = torch.optim.AdamW((p for p in trained.parameters() if p.requires_grad), lr=1e-4)
    batches = [rows[n : n + _PLAIN_BATCH] for n in range(0, settings.batch_rows, _PLAIN_BATCH)]
    trained(**_padded(rows[:1])).loss.backward()  # the first call of each kernel prepares it
    begin = time.monotonic()
    for batch in batches:
        trained(**_padded(batch)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    took_s = time.monotonic() - begin
    trained.unload()
    return took_s, sum(len(row.ids) for batch in batches for row in batch)


def _padded(rows: Sequence[Encoded]) -> dict[str, Any]:
    import torch

    longest = max(len(row.ids) for row in rows)
    pad = [longest - len(row.ids) for row in rows]
    ids = [[*row.ids, *[0] * n] for row, n in zip(rows, pad, strict=True)]
    labels = [
        [*[_IGNORED] * row.start, *row.ids[row.start :], *[_IGNORED] * n]
        for row, n in zip(rows, pad, strict=True)
    ]
    mask = [[*[1] * len(row.ids), *[0] * n] for row, n in zip(rows, pad, strict=True)]
    return {
        "input_ids": torch.tensor(ids),
        "labels": torch.tensor(labels),
        "attention_mask": torch.tensor(mask),
    }
