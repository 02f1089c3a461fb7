"""A trained model as the ONNX files that sherpa-onnx runs: its "zipformer2" transducer."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kws import Files
from kws.train.features import BANDS
from kws.train.model import CONTEXT, Transducer
from kws.train.quantise import quantise
from kws.train.shape import CHUNK, FRAMES_A_STEP, FRONT_FRAMES, Shape
from kws.train.zipformer import STATES

_OPSET = 13
_UNUSED = (128, 3, ((BANDS - 1) // 2 - 1) // 2)
"""State of the front end of larger Zipformers, which sherpa-onnx always passes on."""
_KIND_OF_STATE = ("key", "nonlin_attn", "val1", "val2", "conv1", "conv2")


def export(model: Transducer, tokens: Sequence[str], folder: Path, *, int8: bool) -> Files:
    """Write encoder, decoder and joiner as ONNX, and the token table; return them by role.

    With `int8` the encoder's matrices are kept in 8 bits: a third of the size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.eval()
    table = folder / "tokens.txt"
    table.write_text("".join(f"{t} {n}\n" for n, t in enumerate(tokens)), encoding="utf-8")
    encoder = folder / "encoder.onnx"
    _export_encoder(model, encoder)
    if int8:
        whole, encoder = encoder, folder / "encoder.int8.onnx"
        quantise(whole, encoder)
        whole.unlink()
    return {
        "encoder": encoder,
        "decoder": _export_decoder(model, folder / "decoder.onnx"),
        "joiner": _export_joiner(model, folder / "joiner.onnx"),
        "tokens": table,
    }


class _StreamingEncoder(nn.Module):
    """One chunk, with the states in the layout of sherpa-onnx."""

    def __init__(self, model: Transducer) -> None:
        super().__init__()
        self.encoder, self.hear = model.encoder, model.hear

    def forward(self, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        *layers, unused, heard = states
        encoded, past = self.encoder(x, [_ours(n, state) for n, state in enumerate(layers)])
        new = [_theirs(n, state) for n, state in enumerate(past)]
        return [self.hear(encoded), *new, unused + 0, heard + CHUNK]


def _ours(number: int, state: Tensor) -> Tensor:
    """Bring a state to (N, frames, channels)."""
    kind = _KIND_OF_STATE[number % STATES]
    if kind == "nonlin_attn":
        return state.squeeze(0)
    return state.transpose(1, 2) if kind.startswith("conv") else state.transpose(0, 1)


def _theirs(number: int, state: Tensor) -> Tensor:
    """Bring a state to the layout of sherpa-onnx: (1, N, frames, channels) of non-linear
    attention, (N, channels, frames) of convolutions, (frames, N, channels) of the others."""
    kind = _KIND_OF_STATE[number % STATES]
    if kind == "nonlin_attn":
        return state.unsqueeze(0)
    return state.transpose(1, 2) if kind.startswith("conv") else state.transpose(0, 1)


class _Decoder(nn.Module):
    def __init__(self, model: Transducer) -> None:
        super().__init__()
        self.predictor = model.predictor

    def forward(self, y: Tensor) -> Tensor:
        scores: Tensor = self.predictor(y)
        return scores


class _Joiner(nn.Module):
    def forward(self, encoder_out: Tensor, decoder_out: Tensor) -> Tensor:
        return encoder_out + decoder_out


def _export_encoder(model: Transducer, path: Path) -> None:
    past = [_theirs(n, state) for n, state in enumerate(model.encoder.no_past(1))]
    states = [*past, torch.zeros(1, *_UNUSED), torch.zeros(1, dtype=torch.int64)]
    chunk_frames = FRAMES_A_STEP * CHUNK
    x = torch.zeros(1, chunk_frames + FRONT_FRAMES, BANDS)
    names = [
        *(f"cached_{_KIND_OF_STATE[n % STATES]}_{n // STATES}" for n in range(len(past))),
        "embed_states",
        "processed_lens",
    ]
    axes = {name: {_batch_axis(name): "N"} for name in names}
    outputs = {f"new_{name}": axis for name, axis in axes.items()}
    _write(
        _StreamingEncoder(model),
        (x, states),
        path,
        ({"x": {0: "N"}, **axes}, {"encoder_out": {0: "N"}, **outputs}),
        _metadata(model.encoder.shape),
    )


def _export_decoder(model: Transducer, path: Path) -> Path:
    y = torch.zeros(1, CONTEXT, dtype=torch.int64)
    metadata = {"vocab_size": model.tokens, "context_size": CONTEXT}
    _write(_Decoder(model), (y,), path, ({"y": {0: "N"}}, {"decoder_out": {0: "N"}}), metadata)
    return path


def _export_joiner(model: Transducer, path: Path) -> Path:
    scores = torch.zeros(1, model.tokens), torch.zeros(1, model.tokens)
    inputs = {"encoder_out": {0: "N"}, "decoder_out": {0: "N"}}
    _write(_Joiner(), scores, path, (inputs, {"logit": {0: "N"}}), {"joiner_dim": model.tokens})
    return path


def _batch_axis(name: str) -> int:
    return 1 if name.startswith(("cached_key", "cached_nonlin", "cached_val")) else 0


def _metadata(shape: Shape) -> dict[str, object]:
    """Return what sherpa-onnx must know to make the states of a new stream."""
    stacks = range(len(shape.layers))
    return {
        "model_type": "zipformer2",
        "version": 1,
        "model_author": "hean",
        "comment": "small streaming zipformer",
        "decode_chunk_len": FRAMES_A_STEP * CHUNK,
        "T": FRAMES_A_STEP * CHUNK + FRONT_FRAMES,
        "num_encoder_layers": _list(shape.layers),
        "encoder_dims": _list(shape.dim for _ in stacks),
        # It keeps half of the kernel, rounded down; ours looks back only, so it needs all but one.
        "cnn_module_kernels": _list(2 * (shape.kernel - 1) + 1 for _ in stacks),
        "left_context_len": _list(shape.left(stack) for stack in stacks),
        "query_head_dims": _list(shape.query_dim for _ in stacks),
        "value_head_dims": _list(shape.value_dim for _ in stacks),
        "num_heads": _list(shape.heads for _ in stacks),
    }


def _list(values: Iterable[int]) -> str:
    return ",".join(map(str, values))


def _write(
    module: nn.Module,
    inputs: tuple[Any, ...],
    path: Path,
    axes: tuple[Mapping[str, Mapping[int, str]], Mapping[str, Mapping[int, str]]],
    metadata: Mapping[str, object],
) -> None:
    """Trace a module into an ONNX file; `axes` names its inputs and outputs, and which of their
    dimensions are free."""
    import onnx

    taken, given = axes
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer is the exporter that needs no further package; that it is old, and that it
        # takes the size of a chunk for a constant, is known.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            input_names=list(taken),
            output_names=list(given),
            dynamic_axes={name: dict(free) for name, free in {**taken, **given}.items()},
            opset_version=_OPSET,
            dynamo=False,
        )
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {key: str(value) for key, value in metadata.items()})
    onnx.save(graph, path)
