"""Whisper's encoder and decoder as ONNX graphs for sherpa-onnx.

The graphs do what OpenAI's model does, with these differences, all for speed or truth:

- the encoder takes any length up to 30 s, so short questions cost little;
- frames of zeros, with which sherpa-onnx fills up the input, become what silence looks like;
- cross-attention keys and values leave the encoder split by head, and the self-attention cache
  holds only what was decoded, so that no step copies more than it must. sherpa-onnx hands both
  through without looking at their shapes;
- only the last position is projected to the vocabulary;
- noise and silence end at once: see `TokenRules.no_speech_ratio`;
- tokens that Whisper never lets through (notes, brackets, time stamps; `suppress_ids` of its
  configuration) are suppressed inside the graph, because sherpa-onnx does not do it;
- the metadata lists only Chinese and English, so that no other language can be detected.

Matrices are int8 with a scale for each output; the rest is float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models.convert.ctranslate2 import Tensors
from models.convert.graph import Graph, quantise

_CERTAIN = 1e9
"""More than any score."""


@dataclass(frozen=True)
class Dimensions:
    """Sizes of a Whisper model."""

    mels: int
    audio_positions: int
    text_positions: int
    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    vocabulary: int


@dataclass(frozen=True)
class TokenRules:
    """Which tokens may come next, whatever their scores."""

    suppressed: tuple[int, ...]
    end: int
    no_speech: int
    languages: tuple[int, ...]
    no_speech_ratio: float = 1.5
    """The transcript is empty if "no speech" is so many times as likely as all `languages`
    together. Measured with the base model, this silences 38 of 41 recordings of noise, 4 of 94
    recordings of speech, each a single English word, and 1 of 27 sentences in noise as loud as
    the voice."""

    def biases(self, vocabulary: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what is added to the scores: in speech, and where there is none."""
        speech = np.zeros(vocabulary, np.float32)
        speech[list(self.suppressed)] = -_CERTAIN
        silence = speech.copy()
        silence[self.end] = _CERTAIN
        return speech, silence


def write_encoder(
    weights: Tensors, sizes: Dimensions, path: Path, metadata: Mapping[str, object]
) -> None:
    """Write the encoder and the cross-attention projections of the decoder.

    mel (1, mels, frames) to n_layer_cross_k and n_layer_cross_v (layers, heads, positions, width
    of a head), where positions = frames / 2.
    """
    net = _Network(weights, sizes)
    graph = net.graph
    x = net.silence(graph.input("mel", "FLOAT", [1, sizes.mels, "frames"]))
    x = net.gelu(net.convolution(x, "encoder/conv1", stride=1))
    x = net.gelu(net.convolution(x, "encoder/conv2", stride=2))
    x = graph.op("Transpose", x, perm=[0, 2, 1])
    length = graph.op("Shape", x, start=1, end=2)
    places = graph.constant(weights["encoder/position_encodings/encodings"])
    x = graph.op("Add", x, graph.slice(places, length, axis=0))
    for layer in range(sizes.encoder_layers):
        prefix = f"encoder/layer_{layer}"
        q, k, v = net.self_projections(x, prefix)
        x = graph.op("Add", x, net.self_attention(q, k, v, prefix))
        x = net.feed_forward(x, prefix)
    x = net.norm(x, "encoder")
    keys, values = zip(
        *(net.cross_projections(x, f"decoder/layer_{n}") for n in range(sizes.decoder_layers)),
        strict=True,
    )
    head = sizes.width // sizes.heads
    shape: list[int | str] = [sizes.decoder_layers, sizes.heads, "positions", head]
    graph.output("n_layer_cross_k", graph.op("Concat", *keys, axis=0), shape)
    graph.output("n_layer_cross_v", graph.op("Concat", *values, axis=0), shape)
    graph.save(path, metadata)


def write_decoder(weights: Tensors, sizes: Dimensions, path: Path, rules: TokenRules) -> None:
    """Write the decoder: tokens, caches and offset to the scores of the next token, and caches.

    The self-attention caches have the shape (layers, 1, positions, width); only the first
    `offset` positions of those that come in are used, and those that go out hold just the
    positions decoded so far. The scores have the shape (1, 1, vocabulary).
    """
    net = _Network(weights, sizes)
    graph = net.graph
    cache: list[int | str] = [sizes.decoder_layers, 1, "cached", sizes.width]
    head = sizes.width // sizes.heads
    cross: list[int | str] = [sizes.decoder_layers, sizes.heads, "audio", head]
    tokens = graph.input("tokens", "INT64", [1, "tokens"])
    old_k = graph.input("in_n_layer_self_k_cache", "FLOAT", cache)
    old_v = graph.input("in_n_layer_self_v_cache", "FLOAT", cache)
    cross_k = graph.input("n_layer_cross_k", "FLOAT", cross)
    cross_v = graph.input("n_layer_cross_v", "FLOAT", cross)
    offset = graph.input("offset", "INT64", [1])

    embedding = _Embedding(graph, weights["decoder/embeddings/weight"])
    x, mask = net.text_positions(embedding.look_up(tokens), tokens, offset)
    layers = zip(
        net.layers(graph.slice(old_k, offset, axis=2)),
        net.layers(graph.slice(old_v, offset, axis=2)),
        net.layers(cross_k),
        net.layers(cross_v),
        strict=True,
    )
    new_ks, new_vs = [], []
    for number, (past_k, past_v, audio_k, audio_v) in enumerate(layers):
        prefix = f"decoder/layer_{number}"
        q, k, v = net.self_projections(x, prefix)
        k = graph.op("Concat", net.squeeze(past_k), k, axis=1)
        v = graph.op("Concat", net.squeeze(past_v), v, axis=1)
        new_ks.append(net.unsqueeze(k))
        new_vs.append(net.unsqueeze(v))
        x = graph.op("Add", x, net.self_attention(q, k, v, prefix, mask))
        x = graph.op("Add", x, net.cross_attention(x, audio_k, audio_v, prefix))
        x = net.feed_forward(x, prefix)
    scores = embedding.scores(net.norm(net.ends(x, tokens), "decoder"))
    logits = net.next_token(scores, offset, rules)
    graph.output("logits", logits, [1, 1, sizes.vocabulary])
    cache[2] = "decoded"
    graph.output("out_n_layer_self_k_cache", graph.op("Concat", *new_ks, axis=0), cache)
    graph.output("out_n_layer_self_v_cache", graph.op("Concat", *new_vs, axis=0), cache)
    graph.save(path, {})


class _Embedding:
    """The token vectors, stored once: looked up at the bottom, scored against at the top."""

    def __init__(self, graph: Graph, weight: NDArray[Any]) -> None:
        levels, scale = quantise(weight)
        self._graph = graph
        self._levels = graph.constant(levels.T, "int8")  # (width, vocabulary)
        self._scale = graph.constant(scale)

    def look_up(self, tokens: str) -> str:
        """Return the vectors (1, n, width) of tokens (1, n)."""
        graph = self._graph
        columns = graph.op("Gather", self._levels, tokens, axis=1)
        rows = graph.op("Transpose", columns, perm=[1, 2, 0])
        scale = graph.op("Gather", self._scale, tokens, axis=0)
        floats = graph.op("Cast", rows, to=onnx.TensorProto.FLOAT)
        return graph.op("Mul", floats, graph.op("Unsqueeze", scale, graph.constant([2], "int64")))

    def scores(self, x: str) -> str:
        """Return how well x (1, n, width) fits each token: (1, n, vocabulary)."""
        return self._graph.matmul_int8(x, self._levels, self._scale)


class _Network:
    """The parts of Whisper that encoder and decoder share, by the names of their weights."""

    def __init__(self, weights: Tensors, sizes: Dimensions) -> None:
        self.graph = Graph()
        self._weights = weights
        self._sizes = sizes

    def silence(self, mel: str) -> str:
        """Return mel (1, mels, frames) with the floor of the sound in frames of nothing but zeros.

        Whisper's features reach 8 powers of ten down from the loudest, then are divided by 4.
        """
        graph = self.graph
        zero = graph.constant(0, name="nought")
        level = graph.op("ReduceMax", graph.op("Abs", mel), axes=[1])
        filling = graph.op("Equal", level, zero)
        heard = graph.op("Where", filling, graph.constant(-_CERTAIN), mel)
        floor = graph.op("Sub", graph.op("ReduceMax", heard), graph.constant(8 / 4))
        return graph.op("Where", filling, floor, mel)

    def convolution(self, x: str, name: str, stride: int) -> str:
        weight = self.graph.constant(self._weights[f"{name}/weight"])
        bias = self.graph.constant(self._weights[f"{name}/bias"])
        return self.graph.op("Conv", x, weight, bias, strides=[stride], pads=[1, 1])

    def gelu(self, x: str) -> str:
        """Return x * normal distribution function of x, in the form onnxruntime fuses."""
        graph = self.graph
        scaled = graph.op("Div", x, graph.constant(np.sqrt(2), name="sqrt_2"))
        shifted = graph.op("Add", graph.op("Erf", scaled), graph.constant(1, name="one"))
        return graph.op("Mul", graph.op("Mul", x, shifted), graph.constant(0.5, name="half"))

    def norm(self, x: str, name: str) -> str:
        gamma = self.graph.constant(self._weights[f"{name}/layer_norm/gamma"])
        beta = self.graph.constant(self._weights[f"{name}/layer_norm/beta"])
        return self.graph.op("LayerNormalization", x, gamma, beta, epsilon=1e-5)

    def linear(self, x: str, name: str) -> str:
        return self.graph.linear(x, self._weights[f"{name}/weight"], self._weights[f"{name}/bias"])

    def self_projections(self, x: str, prefix: str) -> list[str]:
        """Return query, key and value of the normalised x, each (1, n, width)."""
        fused = self.linear(
            self.norm(x, f"{prefix}/self_attention"), f"{prefix}/self_attention/linear_0"
        )
        return self.graph.ops("Split", fused, outputs=3, axis=2)

    def cross_projections(self, x: str, prefix: str) -> list[str]:
        """Return key and value of heard x for one decoder layer, each (1, heads, n, head)."""
        fused = self.linear(x, f"{prefix}/attention/linear_1")
        return [self._heads(part) for part in self.graph.ops("Split", fused, outputs=2, axis=2)]

    def self_attention(self, q: str, k: str, v: str, prefix: str, mask: str = "") -> str:
        heard = self._attend(q, self._heads(k), self._heads(v), mask)
        return self.linear(heard, f"{prefix}/self_attention/linear_1")

    def cross_attention(self, x: str, k: str, v: str, prefix: str) -> str:
        q = self.linear(self.norm(x, f"{prefix}/attention"), f"{prefix}/attention/linear_0")
        return self.linear(self._attend(q, k, v), f"{prefix}/attention/linear_2")

    def feed_forward(self, x: str, prefix: str) -> str:
        """Return x with the feed-forward block added."""
        hidden = self.gelu(self.linear(self.norm(x, f"{prefix}/ffn"), f"{prefix}/ffn/linear_0"))
        return self.graph.op("Add", x, self.linear(hidden, f"{prefix}/ffn/linear_1"))

    def text_positions(self, x: str, tokens: str, offset: str) -> tuple[str, str]:
        """Return x with the position vectors added, and the causal mask (n, offset + n)."""
        graph = self.graph
        end = graph.op("Add", offset, graph.op("Shape", tokens, start=1, end=2))
        places = graph.constant(self._weights["decoder/position_encodings/encodings"])
        axis = graph.constant([0], "int64", "zero")
        x = graph.op("Add", x, graph.op("Slice", places, offset, end, axis))
        numbers = graph.constant(np.arange(self._sizes.text_positions), "int64")
        columns = graph.op("Slice", numbers, axis, end, axis)
        rows = graph.op("Slice", numbers, offset, end, axis)
        rows = graph.op("Unsqueeze", rows, graph.constant([1], "int64", "axis_1"))
        future = graph.op("Greater", columns, rows)
        never, zero = graph.constant(-_CERTAIN), graph.constant(0, name="nought")
        return x, graph.op("Where", future, never, zero)

    def layers(self, stacked: str) -> list[str]:
        """Split what all decoder layers share along axis 0, which is kept with length 1."""
        return self.graph.ops("Split", stacked, outputs=self._sizes.decoder_layers, axis=0)

    def ends(self, x: str, tokens: str) -> str:
        """Return the first and the last position of x (1, n, width), once if they are the same."""
        graph = self.graph
        one = graph.constant([1], "int64", "axis_1")
        gap = graph.op("Sub", graph.op("Shape", tokens, start=1, end=2), one)
        zero, most = graph.constant([0], "int64", "zero"), graph.constant([2**31 - 1], "int64")
        return graph.op("Slice", x, zero, most, one, graph.op("Max", gap, one))

    def next_token(self, scores: str, offset: str, rules: TokenRules) -> str:
        """Return the scores (1, 1, vocabulary) of the next token after the rules.

        `scores` has one or two positions; if `offset` is 0 the first follows the start token,
        which is where Whisper tells whether there is speech, and in which language.
        """
        graph = self.graph
        first, last = (
            graph.op("Gather", scores, graph.constant([place], "int64"), axis=1)
            for place in (0, -1)
        )
        language, silence = (
            graph.op("ReduceLogSumExp", graph.op("Gather", first, ids, axis=2), axes=[1, 2])
            for ids in (
                graph.constant(rules.languages, "int64"),
                graph.constant([rules.no_speech], "int64"),
            )
        )
        margin = graph.constant(np.log(rules.no_speech_ratio))
        silent = graph.op("Greater", silence, graph.op("Add", language, margin))
        at_start = graph.op("Equal", offset, graph.constant([0], "int64", "zero"))
        biases = (graph.constant(bias) for bias in reversed(rules.biases(self._sizes.vocabulary)))
        bias = graph.op("Where", graph.op("And", silent, at_start), *biases)
        return graph.op("Add", last, bias)

    def squeeze(self, x: str) -> str:
        return self.graph.op("Squeeze", x, self.graph.constant([0], "int64", "zero"))

    def unsqueeze(self, x: str) -> str:
        return self.graph.op("Unsqueeze", x, self.graph.constant([0], "int64", "zero"))

    def _heads(self, x: str) -> str:
        """Turn (1, n, width) into (1, heads, n, head)."""
        shape = [1, -1, self._sizes.heads, self._sizes.width // self._sizes.heads]
        split = self.graph.op("Reshape", x, self.graph.constant(shape, "int64", "split_heads"))
        return self.graph.op("Transpose", split, perm=[0, 2, 1, 3])

    def _attend(self, q: str, k: str, v: str, mask: str = "") -> str:
        """Return what q (1, n, width) finds in k and v (1, heads, m, head): (1, n, width)."""
        graph = self.graph
        scale = graph.constant((self._sizes.width // self._sizes.heads) ** -0.5, name="scale")
        keys = graph.op("Transpose", k, perm=[0, 1, 3, 2])
        scores = graph.op("MatMul", self._heads(graph.op("Mul", q, scale)), keys)
        if mask:
            scores = graph.op("Add", scores, mask)
        found = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), v)
        joined = graph.op("Transpose", found, perm=[0, 2, 1, 3])
        shape = graph.constant([1, -1, self._sizes.width], "int64", "join_heads")
        return graph.op("Reshape", joined, shape)
