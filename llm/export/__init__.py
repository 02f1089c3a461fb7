"""From a training run to the GGUF files that a device runs, each proved to say the same.

The default is the LoRA adapter beside the quantised base: refusing, the first thing that a small
model forgets, does not survive quantisation after merging, but does survive in an adapter.
Nothing here trusts a file because it was written: `llm.export.equality` compares tokens, logits
and a canary sentence through the whole chain, native libraries read new files in a child process,
and every file gets its name only once it is whole and on the disk.
"""

from __future__ import annotations


class ExportError(Exception):
    """A model cannot be exported, or what was exported is not the same model.

    `fix` says what to do, where there is something to do.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix
