"""Model files: the catalogue, and the store that fetches, checks and keeps them."""

from __future__ import annotations


class ModelStoreError(Exception):
    """A model is missing, altered or cannot be had; `fix` is the command that mends it."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix
