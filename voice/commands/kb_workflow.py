"""`hean kb build | export | import | review`: what happens to entries before they are spoken."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, print_json
from voice.config import Config
from voice.errors import KnowledgeFault, UsageError

if TYPE_CHECKING:
    from llm.knowledge.documents import Document
    from llm.knowledge.importing import Draft

_FORMATS = ("messages", "alpaca", "sharegpt", "conversations")
_EXAMPLES = {
    "build": """\
  hean kb build                               to knowledge.sqlite in the cache folder
  hean kb build --out kb.sqlite --json
The same content gives the same file, byte for byte (with the same version of SQLite).""",
    "export": """\
  hean kb export train.jsonl                  rows that quote their passages, for hean train
  hean kb export --format alpaca --language zh train.jsonl
  hean kb export --no-grounded bare.jsonl
Grounded rows quote the passage, and passages that do not answer, in the words of the prompt that
the assistant uses; without a right passage the answer is a refusal. Bare rows teach the tone, but
facts in the weights of a small model come out wrong. Drafts, facts of confidence C and M, and
what a site filled in are never exported. Each row tells its kind (answer, correction or refusal)
and its entry; hean data check reads the file.""",
    "import": """\
  hean kb import plan.pdf                     drafts of topic "plan"
  hean kb import a.md b.txt --topic village   topics village and village-2
  hean kb import plan.pdf --language zh       only what is written in Chinese
  hean kb import plan.pdf --out drafts/       into another folder
Each block of text below a heading becomes a draft with its page. Sentences that look like
instructions, personal data or details of a facility's protection are marked LOOK in the files.""",
    "review": """\
  hean kb review                              drafts, and reviews older than a year
  hean kb review zh.plan.001                  an entry beside its facts and sources
  hean kb review zh.plan.001 --vet --reviewer "Li Hua"
  hean kb review zh.plan.001 --unvet
An entry is vetted only if all its facts have confidence A or B and `hean kb check` finds no
error in it. Comments and layout of the file stay as they are.""",
}


def add_parsers(commands: Any) -> None:
    """Register the sub-commands of `hean kb` that change or pack the knowledge base."""
    build = add_command(
        commands, "build", "write the knowledge base as one SQLite file", _build, _EXAMPLES["build"]
    )
    build.add_argument("--out", type=Path, metavar="FILE", help="default: in the cache folder")
    export = add_command(
        commands,
        "export",
        "write training data made of what may be spoken",
        _export,
        _EXAMPLES["export"],
    )
    export.add_argument("--format", default="messages", choices=_FORMATS, help="default: messages")
    export.add_argument("--grounded", action=argparse.BooleanOptionalAction, default=True)
    export.add_argument("--language", choices=("zh", "en"), help="default: both")
    export.add_argument("--seed", type=int, default=0, metavar="N", help="of the distractors")
    export.add_argument("file", type=Path, metavar="FILE")
    imported = add_command(
        commands,
        "import",
        "make drafts of Markdown, text and PDF files",
        _import,
        _EXAMPLES["import"],
    )
    imported.add_argument("files", type=Path, nargs="+", metavar="FILE")
    imported.add_argument("--topic", metavar="NAME", help="default: made of the file's name")
    imported.add_argument("--language", choices=("zh", "en"), help="only text in this language")
    imported.add_argument("--out", type=Path, metavar="DIR", help="default: your own entries")
    review = add_command(
        commands,
        "review",
        "show entries and their sources, vet or unvet them",
        _review,
        _EXAMPLES["review"],
    )
    review.add_argument("ids", nargs="*", metavar="ID")
    action = review.add_mutually_exclusive_group()
    action.add_argument("--vet", action="store_true", help="let these entries be spoken")
    action.add_argument("--unvet", action="store_true", help="make drafts of them")
    review.add_argument("--reviewer", metavar="NAME")
    review.add_argument("--date", metavar="DAY", help="for example 2026-11-22; default: today")


def _build(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.build import build
    from voice.engines import knowledge_of

    knowledge = knowledge_of(config)
    path = args.out or config.cache / "knowledge.sqlite"
    build(knowledge, path)
    counts = {"entries": len(knowledge.entries), "speakable": len(knowledge.speakable)}
    if args.json:
        print_json({"file": str(path), "content_hash": knowledge.content_hash, **counts})
    else:
        print(f"{path}: {counts['entries']} entries, {counts['speakable']} of them are spoken")
        print(f"content {knowledge.content_hash}")
    return 0


def _export(args: argparse.Namespace, config: Config) -> int:
    from llm.data import write
    from llm.data.knowledge_rows import knowledge_rows
    from voice.engines import knowledge_of

    rows = [
        row
        for row in knowledge_rows(knowledge_of(config), args.grounded, args.seed)
        if args.language is None or row.entry.startswith(f"{args.language}.")
    ]
    if not rows:
        raise KnowledgeFault("no entry may be spoken, so there is nothing to export")
    write(rows, args.format, args.file)
    counts = Counter(row.kind for row in rows)
    if args.json:
        print_json({"file": str(args.file), "rows": counts.total(), **counts})
    else:
        kinds = ", ".join(f"{count} {kind}s" for kind, count in sorted(counts.items()))
        print(f"{args.file}: {counts.total()} rows: {kinds}")
    return 0


def _import(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.documents import read_document
    from llm.knowledge.importing import drafts, topic_of, write_drafts
    from voice.engines import knowledge_of, own_folder

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # broken files end in one line of ours
    folder = args.out or own_folder(config)
    topics = set() if args.out else {entry.topic for entry in knowledge_of(config).entries}
    read = []
    for number, document in enumerate(map(read_document, args.files), 1):
        topic = topic_of(document)
        if args.topic:
            topic = args.topic if number == 1 else f"{args.topic}-{number}"
        if topic in topics:
            name = document.name
            raise UsageError(f"{name}: there is a topic {topic} already", "give another --topic")
        topics.add(topic)
        read.append((document, drafts(document, topic, args.language)))
    # Only now, so that a bad file among good ones leaves nothing half done.
    rows = [
        _imported(document, found, write_drafts(found, document, folder))
        for document, found in read
    ]
    if args.json:
        print_json({"documents": rows})
    for row in rows if not args.json else ():
        print(f"{row['document']}: {row['drafts']} drafts of topic {row['topic']}")
        print(f"      {row['to_look_at']} with sentences to look at (LOOK in the files)")
        print("\n".join(f"      {name}" for name in row["files"]))
    return 0


def _imported(document: Document, found: list[Draft], written: list[Path]) -> dict[str, Any]:
    from llm.knowledge.suspicion import suspicions

    return {
        "document": document.name,
        "encoding": document.encoding,
        "topic": found[0].entry.topic,
        "drafts": len(found),
        "to_look_at": sum(bool(suspicions(draft.entry.passage)) for draft in found),
        "files": list(map(str, written)),
    }


def _review(args: argparse.Namespace, config: Config) -> int:
    if args.vet or args.unvet:
        return _change(args, config)
    from llm.knowledge.review import due, entry_of
    from voice.engines import knowledge_of
    from voice.reviewing import shown

    knowledge = knowledge_of(config)
    if args.ids:
        rows = [shown(knowledge, entry_of(knowledge, name)) for name in args.ids]
        if args.json:
            print_json({"entries": rows})
        for row in rows if not args.json else ():
            print("\n".join(_lines(row)))
        return 0
    waiting = due(knowledge, date.today())
    if args.json:
        print_json({"due": [{"id": d.entry.id, "reason": d.reason} for d in waiting]})
    else:
        for item in waiting:
            print(f"{item.entry.id}: {item.reason}")
        print(f"{len(waiting)} entries to review: hean kb review ID")
    return 0


def _change(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.review import Change
    from voice.reviewing import review

    verb = "--vet" if args.vet else "--unvet"
    if not args.ids:
        raise UsageError(f"{verb} needs an entry", f"hean kb review ID {verb}")
    if args.vet and not (args.reviewer or "").strip():
        raise UsageError(
            "--vet needs the name of who has compared the entry with its sources",
            f"hean kb review {args.ids[0]} --vet --reviewer NAME",
        )
    day = _day(args.date) if args.date else date.today().isoformat()
    reviewer = " ".join((args.reviewer or "").split())
    change = Change("vetted", reviewer, day) if args.vet else Change("draft", reviewer)
    written = review(config, args.ids, change)
    if args.json:
        print_json({"ids": args.ids, "status": change.status, "files": list(map(str, written))})
    else:
        print(f"{', '.join(args.ids)}: {change.status}")
    return 0


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"--date {text}: not a day", "for example 2026-11-22") from error


def _lines(row: dict[str, Any]) -> list[str]:
    entry = row["entry"]
    head = f"{entry['id']} [{entry['decision']}] {entry['status']}"
    by = f", {entry['reviewer']} on {entry['reviewed']}" if entry["reviewer"] else ""
    lines = [head + by, *(f"  asked    {phrase}" for phrase in entry["ask"])]
    lines += [f"  {key:<8} {entry[key]}" for key in ("answer", "details") if entry[key]]
    for source in row["sources"]:
        words = (source[key] for key in ("title", "issuer", "year", "section", "value", "address"))
        lines.append(
            f"  {source['fact']} ({source['confidence']}) {' · '.join(filter(None, words))}"
        )
    lines += [f"  look     {text}" for text in row["look"]]
    return [*lines, *(f"  missing  {text}" for text in row["obstacles"])]
