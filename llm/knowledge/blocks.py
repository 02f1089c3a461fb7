"""A document cut into the blocks that become drafts: the text below each heading."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from llm.knowledge.documents import Document
from llm.language import is_han

_TitleOf = Callable[[Sequence[str], int], "str | None"]
_MAX_HEADING_CHARS = 40
_HEADING = re.compile(r"#{1,6}[ \t]+(?P<title>.*?)[ \t]*#*")
_RULE = re.compile(r"(?:=+|-+|\*+|_+|[-: |]*\|[-: |]*)")
"""An underline of a heading, a line across the page, or the line below a table's head."""
_NUMBERED = re.compile(
    r"(?:第\s?[\d一二三四五六七八九十百]{1,5}\s?[章节条部分]"
    r"|[一二三四五六七八九十]{1,3}、|[(（][\d一二三四五六七八九十]{1,3}[)）]"
    r"|\d{1,2}(?:\.\d{1,2}){0,3}[.、]?(?=[\s\u3400-\u9fff]))\s*"
)
_ENDS_SENTENCE = "。！？!?;；:：,，、."
_ITEM = re.compile(r"(?:[-*+•·▪●]|\d{1,3}[.)])[ \t]+")
_CLUTTER = (
    (re.compile(r"\A---\n.*?\n(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL), ""),  # front matter
    (re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL), ""),  # what no reader of the page sees
    (re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>"), ""),
    (re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)"), ""),  # pictures
    (re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)"), r"\1"),  # links
    (re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+", re.MULTILINE), ""),
    (re.compile(r"(\*{1,3}|_{2,3}|~~|`)(\S(?:[^\n]*?\S)?)\1"), r"\2"),
)
"""Markdown that is not read out, and what stands in its place."""


@dataclass(frozen=True)
class Block:
    """Text below one heading, as one line."""

    heading: str
    """Empty before the first one."""
    text: str
    page: int = 0
    """0 in files without pages."""


def blocks(document: Document) -> Iterator[Block]:
    """Yield the blocks of a document in their order; none goes over a page's end."""
    heading = ""
    for page in document.pages:
        text = _without_markup(page.text) if document.markup else page.text
        lines = [line.strip() for line in text.splitlines()]
        held: list[str] = []
        for paragraph in _paragraphs(lines, _markdown_title if document.markup else _plain_title):
            if isinstance(paragraph, str):
                yield from _block(heading, held, page.number)
                heading, held = paragraph, []
            else:
                held.append(_joined(paragraph, document.markup))
        yield from _block(heading, held, page.number)


def _block(heading: str, held: Sequence[str], page: int) -> Iterator[Block]:
    text = _glued([text for text in held if any(c.isalpha() for c in text)])
    if text:
        yield Block(heading, text, page)


def _without_markup(text: str) -> str:
    for pattern, replacement in _CLUTTER:
        text = pattern.sub(replacement, text)
    return text


def _paragraphs(lines: Sequence[str], title_of: _TitleOf) -> Iterator[str | list[str]]:
    """Yield headings as texts and paragraphs as their lines; an item of a list is a paragraph."""
    held: list[str] = []
    for number, line in enumerate(lines):
        title = title_of(lines, number)
        if held and (not line or title is not None or _ITEM.match(line)):
            yield held
            held = []
        if title is not None:
            yield title
        elif line:
            held.append(line)
    if held:
        yield held


def _markdown_title(lines: Sequence[str], number: int) -> str | None:
    if found := _HEADING.fullmatch(lines[number]):
        return found["title"]
    below = "".join(lines[number + 1 : number + 2])
    above = "".join(lines[number - 1 : number]) if number else ""
    underlined = re.fullmatch("=+|-{2,}", below) and not above and _looks_like_title(lines[number])
    return lines[number] if underlined else None


def _plain_title(lines: Sequence[str], number: int) -> str | None:
    """Return the heading that a line of text without markup seems to be.

    A numbered line is one unless its neighbours are numbered alike: then it belongs to a list.
    Another short line is one if it stands alone and text follows.
    """
    line = lines[number]
    if not _looks_like_title(line):
        return None
    above = next((other for other in reversed(lines[:number]) if other), "")
    below = next((other for other in lines[number + 1 :] if other), "")
    if shape := _shape(line):
        is_list = shape in (_shape(above), _shape(below))
        return None if is_list else _NUMBERED.sub("", line, count=1)
    alone = (number == 0 or not lines[number - 1]) and not "".join(lines[number + 1 : number + 2])
    return line if alone and below and not _ITEM.match(line) else None


def _shape(line: str) -> str:
    """Return how a line is numbered, without the number itself: 1.2 and 1.3 are alike."""
    found = _NUMBERED.match(line)
    return re.sub(r"[\d一二三四五六七八九十百]+", "#", found[0].strip()) if found else ""


def _looks_like_title(line: str) -> bool:
    return (
        0 < len(line) <= _MAX_HEADING_CHARS
        and line[-1] not in _ENDS_SENTENCE
        and any(c.isalpha() for c in line)
    )


def _joined(lines: Sequence[str], markup: bool) -> str:
    kept = [line for line in lines if not (markup and _RULE.fullmatch(line))]
    if markup:
        kept = [_row(line) if "|" in line else line for line in kept]
    return _ended(_glued([_ITEM.sub("", line, count=1) for line in kept]))


def _row(line: str) -> str:
    """Return a row of a table as a sentence."""
    cells = [cell.strip() for cell in line.split("|") if cell.strip()]
    return _ended(("，" if any(map(is_han, line)) else ", ").join(cells))


def _ended(text: str) -> str:
    """Return a text with a full stop: an item of a list or a row is read as a sentence."""
    if not text or not text[-1].isalnum():
        return text
    return text + ("。" if is_han(text[-1]) else ".")


def _glued(parts: Sequence[str]) -> str:
    """Put lines one behind the other: with a space, but not between Chinese characters."""
    text = ""
    for part in filter(None, parts):
        close = text and (is_han(part[0]) or not part[0].isalnum()) and not text[-1].isascii()
        text += part if not text or close else f" {part}"
    return " ".join(text.split())
