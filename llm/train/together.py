"""Several processes that train one model: `accelerate launch` starts them, on one machine or many.

Each takes its share of the packs of a step; gradients are added up. A token counts the same
whichever process had it, so the result is that of one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

_T = TypeVar("_T")


def leads() -> bool:
    """Return whether this process is the one that writes files and shows progress."""
    return os.environ.get("RANK", "0") == "0"


class Together:
    """This process among those of the run; alone unless a launcher says otherwise."""

    def __init__(self, device: str) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.count > 1:
            from accelerate import PartialState

            PartialState(cpu=device == "cpu")  # joins the others: gloo on CPUs, nccl on cards

    def add_up(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.count > 1:
            import torch

            for tensor in tensors:
                torch.distributed.all_reduce(tensor)

    def total(self, *values: float) -> list[float]:
        """Return the sums of numbers over all processes."""
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        sums = torch.tensor(values, dtype=torch.float64, device=device)
        self.add_up([sums])
        return list(sums.tolist())

    def of_leader(self, make: Callable[[], _T]) -> _T:
        """Return what the leading process makes, in every process."""
        made: list[Any] = [make() if leads() else None]
        if self.count > 1:
            import torch

            torch.distributed.broadcast_object_list(made)
        found: _T = made[0]
        return found

    def close(self) -> None:
        """Wait for the others and leave."""
        if self.count > 1:
            import torch

            torch.distributed.barrier()
            torch.distributed.destroy_process_group()
