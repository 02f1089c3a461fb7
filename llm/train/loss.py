"""From a pack to the loss: logits are computed only where a token is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from llm.train.packing import Pack

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_CHUNK_TARGETS = 256
"""Targets whose logits are in memory at once: 256 of a vocabulary of 152,000 take 160 MB."""


def log_likelihoods(model: PreTrainedModel, pack: Pack, shared: bool = True) -> torch.Tensor:
    """Return the log-likelihood of each trained token, shape (targets,), float32.

    With `shared` the pack is a tree, or may be one; without, its rows stand one after the other
    and the attention (FlashAttention) finds their beginnings by their positions.
    """
    body = model.get_decoder()
    head = model.get_output_embeddings()
    device = head.weight.device
    state = body(
        input_ids=torch.from_numpy(pack.ids)[None].to(device),
        position_ids=torch.from_numpy(pack.positions)[None].to(device),
        attention_mask=_mask(pack, model, device) if shared else None,
        use_cache=False,
    ).last_hidden_state[0]
    state = state[torch.from_numpy(pack.sources).to(device)]
    targets = torch.from_numpy(pack.targets).to(device)
    parts = [
        _likelihoods(head, some, wanted)
        for some, wanted in zip(
            state.split(_CHUNK_TARGETS), targets.split(_CHUNK_TARGETS), strict=True
        )
    ]
    return torch.cat(parts)


def _likelihoods(head: torch.nn.Module, state: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if not any(parameter.requires_grad for parameter in head.parameters()):
        weight: torch.Tensor = head.weight
        result: torch.Tensor = _FrozenHead.apply(state, weight, targets)
        return result
    logits = head(state).float()
    return -torch.nn.functional.cross_entropy(logits, targets, reduction="none")


class _FrozenHead(torch.autograd.Function):  # type: ignore[misc]
    """Log-likelihoods under a head that is not trained; keeps one matrix for going backwards."""

    @staticmethod
    def forward(
        ctx: Any, state: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        logits = (state.to(weight.dtype) @ weight.T).float()
        found = torch.log_softmax(logits, -1)
        rows = torch.arange(len(targets), device=targets.device)
        result = found[rows, targets].clone()
        if ctx.needs_input_grad[0]:
            slope = found.exp_().neg_()  # d log p(target) / d logits = onehot - p
            slope[rows, targets] += 1
            ctx.save_for_backward(slope.to(weight.dtype), weight)
        return result

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        slope, weight = ctx.saved_tensors
        return (slope @ weight) * grads[0][:, None].to(weight.dtype), None, None


def _mask(pack: Pack, model: PreTrainedModel, device: torch.device) -> Any:
    """Return what is added to the attention scores: 0 or minus infinity.

    Models with layers of two kinds take one mask for each kind.
    """
    dtype = model.get_input_embeddings().weight.dtype
    if torch.is_autocast_enabled(device.type):
        dtype = torch.get_autocast_dtype(device.type)

    def added(window: int) -> torch.Tensor:
        seen = torch.from_numpy(pack.visible(window)).to(device)[None, None]
        return torch.zeros(seen.shape, dtype=dtype, device=device).masked_fill(~seen, float("-inf"))

    config = model.config
    kinds = set(getattr(config, "layer_types", None) or ())
    if "sliding_attention" not in kinds:
        return added(0)
    return {"full_attention": added(0), "sliding_attention": added(config.sliding_window)}


def supervised(likelihoods: torch.Tensor) -> torch.Tensor:
    """Return the loss of a pack: the sum over its trained tokens."""
    return -likelihoods.sum()


def preference(
    likelihoods: torch.Tensor, pack: Pack, reference: torch.Tensor, beta: float
) -> torch.Tensor:
    """Return the DPO loss of a pack of pairs, each the better answer, then the worse.

    `reference` holds the log-likelihoods of the answers under the base, shape (rows,).
    Direct preference optimization, arXiv 2305.18290, equation 7.
    """
    gained = by_row(likelihoods, pack) - reference
    margins = gained[0::2] - gained[1::2]
    return -torch.nn.functional.logsigmoid(beta * margins).sum()


def by_row(likelihoods: torch.Tensor, pack: Pack) -> torch.Tensor:
    """Return the log-likelihood of each whole answer, shape (rows,)."""
    rows = torch.from_numpy(pack.rows).to(likelihoods.device)
    zeros = torch.zeros(len(pack.origins), device=likelihoods.device)
    return zeros.index_add(0, rows, likelihoods)
