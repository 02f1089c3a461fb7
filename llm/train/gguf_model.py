"""The weights of a GGUF file, dequantised into a model of transformers.

transformers reads GGUF files as well, but takes the head size of Qwen3 from the hidden size and
Gemma's attention scale from a default, so that MiniMind-3 fails and some Gemma files come out
wrong without a word; and it keeps all weights in float32 on the way. Here the configuration says
what llama.cpp computes, and what cannot be said is refused. `llm.train.runtime` compares both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm.gguf import Gguf
from llm.train import UnusableBase

if TYPE_CHECKING:
    import torch
    from gguf import GGUFReader
    from transformers import PreTrainedModel

ARCHITECTURES = {
    "llama": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma3": "gemma3_text",
}
"""Name in GGUF files -> model_type of transformers; what can be trained and brought back."""
_GEMMA_LOCAL_THETA = 10_000.0
_GEMMA_PATTERN = 6
"""Every sixth layer of Gemma 3 sees all tokens; llama.cpp assumes it, the file does not say it."""
_GEMMA_27B_LAYERS = 62
"""The one size for which llama.cpp scales attention otherwise than by the head size."""


def load_model(
    gguf: Gguf, reader: GGUFReader, dtype: torch.dtype, attention: str
) -> PreTrainedModel:
    """Return the model with its weights, which `reader` reads.

    Raises UnusableBase: what would come out wrong.
    """
    from transformers import AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    _refuse_unknown(gguf)
    with no_init_weights():  # every weight comes from the file, which _fill checks
        model = AutoModelForCausalLM.from_config(
            _config(gguf), dtype=dtype, attn_implementation=attention
        )
    model.tie_weights()
    _fill(model, gguf, reader)
    model.eval()
    return model


def _refuse_unknown(gguf: Gguf) -> None:
    scaling = gguf.metadata.get(f"{gguf.architecture}.rope.scaling.type", "none")
    if scaling != "none" or "rope_freqs.weight" in gguf.tensors:
        raise UnusableBase(
            f"{gguf.path} stretches its positions (RoPE scaling), which is not supported",
            "train on the Hugging Face folder of the model instead",
        )
    if gguf.metadata.get(f"{gguf.architecture}.expert_count", 0):
        raise UnusableBase(f"{gguf.path} is a mixture of experts, which is not supported")


def _config(gguf: Gguf) -> Any:
    from transformers import AutoConfig

    def key(name: str, default: Any = None) -> Any:
        value = gguf.metadata.get(f"{gguf.architecture}.{name}", default)
        if value is None:
            raise UnusableBase(f"{gguf.path} does not say {gguf.architecture}.{name}")
        return value

    heads = key("attention.head_count")
    numbers = (gguf.metadata.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos"))
    settings = {
        "vocab_size": gguf.tensors["token_embd.weight"][-1],
        "hidden_size": key("embedding_length"),
        "intermediate_size": key("feed_forward_length"),
        "num_hidden_layers": key("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": key("attention.head_count_kv", heads),
        "max_position_embeddings": key("context_length"),
        "rms_norm_eps": key("attention.layer_norm_rms_epsilon"),
        "tie_word_embeddings": "output.weight" not in gguf.tensors,
        "use_cache": False,
        **dict(zip(("bos_token_id", "eos_token_id"), numbers, strict=True)),
    }
    head_dim = gguf.tensors["blk.0.attn_q.weight"][-1] // heads
    if gguf.architecture != "qwen2":  # its head size always is hidden size / heads
        settings["head_dim"] = head_dim
    if gguf.architecture == "gemma3":
        return AutoConfig.for_model(**_gemma(gguf, settings, head_dim))
    if gguf.architecture == "llama":
        settings["attention_bias"] = "blk.0.attn_q.bias" in gguf.tensors
    theta = key("rope.freq_base", 10_000.0)
    rope = {"rope_type": "default", "rope_theta": theta}
    return AutoConfig.for_model(ARCHITECTURES[gguf.architecture], rope_parameters=rope, **settings)


def _gemma(gguf: Gguf, settings: dict[str, Any], head_dim: int) -> dict[str, Any]:
    layers = settings["num_hidden_layers"]
    if layers >= _GEMMA_27B_LAYERS:
        raise UnusableBase(f"{gguf.path}: Gemma 3 of this size is not supported")
    theta = gguf.metadata.get("gemma3.rope.freq_base", 1_000_000.0)
    kinds = ["sliding_attention", "full_attention"]
    return {
        "model_type": "gemma3_text",
        **settings,
        "query_pre_attn_scalar": head_dim,
        "sliding_window": gguf.metadata.get("gemma3.attention.sliding_window", 512),
        "layer_types": [kinds[(n + 1) % _GEMMA_PATTERN == 0] for n in range(layers)],
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": _GEMMA_LOCAL_THETA},
            "full_attention": {"rope_type": "default", "rope_theta": theta},
        },
    }


def _fill(model: PreTrainedModel, gguf: Gguf, reader: GGUFReader) -> None:
    """Copy each tensor of the file into its parameter; both must come out even."""
    import torch
    from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, dequantize, get_tensor_name_map

    kinds = {name: kind for kind, name in MODEL_ARCH_NAMES.items()}
    kind: MODEL_ARCH = kinds[gguf.architecture]
    names = get_tensor_name_map(kind, model.config.num_hidden_layers)
    wanted = {}
    for name, parameter in model.named_parameters():  # names each tied tensor once
        stem, _, end = name.rpartition(".")
        wanted[f"{names.get_name(stem)}.{end}"] = parameter
    if differ := set(wanted) ^ set(gguf.tensors):
        raise UnusableBase(
            f"{gguf.path} does not fit the family {gguf.architecture}: {min(differ)} is "
            f"{'missing' if min(differ) in wanted else 'not known'}"
        )
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        values = _as_trained(values, tensor.name, gguf.architecture, model.config)
        target = wanted[tensor.name]
        if tuple(values.shape) != tuple(target.shape):
            raise UnusableBase(
                f"{gguf.path}: {tensor.name} has the shape {values.shape}, "
                f"its settings say {tuple(target.shape)}"
            )
        with torch.no_grad():
            target.copy_(torch.tensor(values))


def _as_trained(values: Any, name: str, architecture: str, config: Any) -> Any:
    """Undo what converters to GGUF do to some tensors."""
    if architecture == "gemma3" and name.endswith("norm.weight"):
        return values - 1  # Gemma multiplies by 1 + weight; the file holds the sum
    if architecture == "llama" and (".attn_q." in name or ".attn_k." in name):
        heads = config.num_attention_heads if ".attn_q." in name else config.num_key_value_heads
        # Llama files pair neighbours for rotary positions, transformers pairs the two halves.
        halves = values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:])
        return halves.swapaxes(1, 2).reshape(values.shape)
    return values
