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
from pathlib import Path

from models.convert.ctranslate2 import Tensors
from models.convert.whisper_parts import Dimensions, Embedding, Network, TokenRules


def write_encoder(
    weights: Tensors, sizes: Dimensions, path: Path, metadata: Mapping[str, object]
) -> None:
    """Write the encoder and the cross-attention projections of the decoder.

    mel (1, mels, frames) to n_layer_cross_k and n_layer_cross_v (layers, heads, positions, width
    of a head), where positions = frames / 2.
    """
    net = Network(weights, sizes)
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
    net = Network(weights, sizes)
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

    embedding = Embedding(graph, weights["decoder/embeddings/weight"])
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
