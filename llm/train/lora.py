"""LoRA layers that are quick on a CPU.

PEFT keeps the small matrices in float32 and converts every activation to float32 and back for
them, seven times a layer. Here one step of autograd does base layer and adapter together in the
type of the activations; the matrices themselves and their gradients stay in float32, because
steps of a small learning rate would be lost in bfloat16.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import Linear


class QuickLinear(Linear):  # type: ignore[misc]  # PEFT is not typed
    """PEFT's LoRA layer with another `forward`; saved, loaded and merged by PEFT as ever."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return the base layer's output with the adapter's added, shape (..., out)."""
        name = self.active_adapters[0]
        base = self.get_base_layer()
        if self.disable_adapters:
            return torch.nn.functional.linear(x, base.weight, base.bias)
        matrices = (self.lora_A[name].weight, self.lora_B[name].weight * self.scaling[name])
        result: torch.Tensor = _LoraLinear.apply(x, base.weight, base.bias, *matrices)
        return result


class _LoraLinear(torch.autograd.Function):  # type: ignore[misc]
    """y = x Wᵀ + bias + (x Aᵀ) Bᵀ, of which W and bias are frozen."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
    ) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        down_x, up_x = down.to(x.dtype), up.to(x.dtype)
        small = flat @ down_x.T
        result = torch.nn.functional.linear(flat, weight, bias)
        result.addmm_(small, up_x.T)
        ctx.save_for_backward(flat, weight, down_x, up_x, small)
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        flat, weight, down, up, small = ctx.saved_tensors
        grad = grads[0].reshape(-1, weight.shape[0])
        small_grad = grad @ up
        into_x = None
        if ctx.needs_input_grad[0]:
            into_x = (grad @ weight).addmm_(small_grad, down)
            into_x = into_x.view(*grads[0].shape[:-1], -1)
        into_down = (small_grad.T @ flat).float()
        into_up = (grad.T @ small).float()
        return into_x, None, None, into_down, into_up
