"""From the bytes of single tokens to pieces of text that can be shown and spoken at once."""

from __future__ import annotations

import codecs


class PieceAssembler:
    """Joins token bytes into whole characters and ends at the first stop string.

    Text that may yet turn out to be the beginning of a stop string is held back.
    """

    def __init__(self, stop: tuple[str, ...] = ()) -> None:
        self.stopped = False
        """Whether a stop string was found; from then on nothing more is returned."""
        self._stop = tuple(text for text in stop if text)
        # "replace" is for a model that writes impossible bytes: it must not end a conversation.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""

    def add(self, token: bytes) -> str:
        """Take the bytes of one token; return the text that is certain by now."""
        if self.stopped:
            return ""
        text = self._held + self._decoder.decode(token)
        found = [at for at in map(text.find, self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        certain = len(text) - self._uncertain_length(text)
        self._held = text[certain:]
        return text[:certain]

    def finish(self) -> str:
        """Return what was held back; half a character at the very end is dropped."""
        held, self._held = self._held, ""
        return held

    def _uncertain_length(self, text: str) -> int:
        """Return how many characters at the end could begin a stop string."""
        longest = max(map(len, self._stop), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stop):
                return length
        return 0
