"""An owner's documents as drafts: cut into blocks, each with its source, for a person to review.

Nothing here is ever spoken before somebody has raised the confidence of its source and vetted it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm import KnowledgeError
from llm.knowledge import LANGUAGES, Entry, Source
from llm.knowledge.blocks import Block, blocks
from llm.knowledge.check import length, reading_s
from llm.knowledge.documents import Document
from llm.knowledge.files import write_new
from llm.knowledge.site import SITE_TOPIC
from llm.knowledge.suspicion import suspicions
from llm.language import detect_language
from llm.numbers import quantities
from llm.wording import sentences

CONFIDENCE = "C"
"""Of what nobody has compared with its document yet; never spoken."""
MAX_ANSWER_S = 15.0
"""Most of a block that becomes the spoken answer; the rest becomes details."""
MAX_BLOCK_LENGTH = {"zh": 400, "en": 250}
"""Characters or words of one entry; longer blocks become several."""
_MAX_ASK_LENGTH = {"zh": 30, "en": 14}
_ASK = {
    "zh": ("{0}", "{0}怎么办", "请说说{0}"),
    "en": ("{0}", "What about {0}?", "Tell me about {0}"),
}
_JOIN = {"zh": "", "en": " "}
_TOPIC = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Draft:
    """An entry with its source, and the lines of it that need a look."""

    entry: Entry
    source: Source


def topic_of(document: Document) -> str:
    """Return a topic made of the name of a file."""
    stem = document.name.rpartition(".")[0].lower()
    slug = "-".join(re.findall("[a-z0-9]+", stem))[:40].strip("-")
    return slug if re.search("[a-z]", slug) else f"document-{document.sha256[:8]}"


def drafts(document: Document, topic: str, language: str | None = None) -> list[Draft]:
    """Return the blocks of a document as drafts; only those in `language`, if one is given.

    Raises KnowledgeError: the topic is no name, or there is no text.
    """
    if not _TOPIC.fullmatch(topic) or topic == SITE_TOPIC:
        raise KnowledgeError(f"the topic {topic!r} must be of a-z, 0-9 and -, and not {SITE_TOPIC}")
    found: list[Draft] = []
    for block in blocks(document):
        spoken = detect_language(block.text)
        if language in (None, spoken):
            for part in _parts(block.text, spoken):
                found.append(_draft(document, topic, block, part, len(found) + 1))
    if not found:
        where = f" in the language {language}" if language else ""
        raise KnowledgeError(f"{document.name}: has no sentence{where} to import")
    return found


def write_drafts(found: Sequence[Draft], document: Document, folder: Path) -> list[Path]:
    """Write drafts and their sources to new files of a knowledge base; return their paths.

    Raises KnowledgeError: one of the files exists already, or cannot be written.
    """
    topic = found[0].entry.topic
    head = f"# Drafts from {document.name} (SHA-256 {document.sha256}).\n"
    contents = {
        folder / "sources" / f"{topic}.toml": head
        + "# Never spoken with confidence C. Compared with the document? Then fill in issuer and\n"
        "# year, and raise confidence to A (the document itself) or B (a copy of it).\n"
        + "".join(_source_text(draft.source) for draft in found)
    }
    for language in LANGUAGES:
        texts = [_entry_text(draft) for draft in found if draft.entry.language == language]
        if texts:
            review = "# Never spoken until reviewed: hean kb review\n"
            contents[folder / language / f"{topic}.toml"] = head + review + "".join(texts)
    if there := [path for path in contents if path.exists()]:
        raise KnowledgeError(f"{there[0]} exists already: choose another name with --topic")
    for path, content in contents.items():  # the sources first: entries without them are an error
        write_new(path, content)
    return list(contents)


def _parts(text: str, language: str) -> Iterator[str]:
    """Cut a long block between its sentences."""
    part = ""
    for sentence in sentences(text):
        longer = f"{part}{_JOIN[language] if part else ''}{sentence}"
        if part and length(longer, language) > MAX_BLOCK_LENGTH[language]:
            yield part
            longer = sentence
        part = longer
    if part:
        yield part


def _draft(document: Document, topic: str, block: Block, text: str, number: int) -> Draft:
    language = detect_language(text)
    answer, details = _spoken(text, language)
    page = f"page {block.page}" if block.page else ""
    source = Source(
        fact=f"{topic}-{number:03}",
        confidence=CONFIDENCE,
        title=document.name,
        issuer="",
        year="",
        section=", ".join(filter(None, (page, block.heading))),
        address=f"sha256:{document.sha256}",
        value="; ".join(dict.fromkeys(str(q) for q in quantities(text) if q.unit)),
    )
    entry = Entry(
        id=f"{language}.{topic}.{number:03}",
        language=language,
        topic=topic,
        ask=_asked(block.heading, answer, language),
        answer=answer,
        details=details,
        facts=(source.fact,),
        status="draft",
    )
    return Draft(entry, source)


def _spoken(text: str, language: str) -> tuple[str, str]:
    """Return what fits into a spoken answer, at least one sentence, and the rest."""
    answer: list[str] = []
    said = sentences(text)
    for sentence in said:
        longer = _JOIN[language].join([*answer, sentence])
        if answer and reading_s(longer, language) > MAX_ANSWER_S:
            break
        answer.append(sentence)
    rest = said[len(answer) :]
    return _JOIN[language].join(answer), _JOIN[language].join(rest)


def _asked(heading: str, answer: str, language: str) -> tuple[str, ...]:
    """Return candidates for ways to ask, for a person to put into the words of people."""
    first = sentences(answer)[0].rstrip("。.!！;；")
    words = first[:30] if language == "zh" else " ".join(first.split()[:14])
    if 0 < length(heading, language) <= _MAX_ASK_LENGTH[language]:
        candidates = [form.format(heading) for form in _ASK[language]]
        fit = tuple(c for c in candidates if detect_language(c, language) == language)
        return fit or (words,)
    return (words,)


def _source_text(source: Source) -> str:
    keys = ("confidence", "title", "issuer", "year", "section", "address", "value")
    rows = [f"{key} = {_quoted(getattr(source, key))}" for key in keys]
    return "\n".join(["", f"[{source.fact}]", *rows, ""])


def _entry_text(draft: Draft) -> str:
    entry = draft.entry
    looks = [
        f"# LOOK: {found.reason}: {found.text[:200]}"
        for found in suspicions(f"{entry.ask[0]}\n{entry.passage}")
    ]
    rows = [
        f"id = {_quoted(entry.id)}",
        'status = "draft"',
        "ask = [",
        *(f"    {_quoted(phrase)}," for phrase in entry.ask),
        "]",
        f"answer = {_quoted(entry.answer)}",
        f"details = {_quoted(entry.details)}",
        f"facts = [{', '.join(map(_quoted, entry.facts))}]",
    ]
    return "\n".join(["", *looks, "[[entry]]", *rows, ""])


def _quoted(text: str) -> str:
    """Return a TOML basic string; JSON's escapes are among those of TOML."""
    return json.dumps(text, ensure_ascii=False)
