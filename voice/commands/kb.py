"""`hean kb`: check, search and list what the assistant knows."""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from typing import Any

from voice.commands import kb_sign, kb_workflow
from voice.commands.common import add_command, add_group, print_json
from voice.config import Config
from voice.errors import UsageError

_EXIT_WRONG = 65
_EXAMPLES = {
    "check": """\
  hean kb check                               schema, sources, duplicates, numbers, lengths
  hean kb check --json                        for scripts
Exit status 65 if an entry has to be mended.""",
    "search": """\
  hean kb search 碘片什么时候吃               which entries match, and why
  hean kb search "Can I drink tap water?" --limit 3 --json""",
    "list": """\
  hean kb list                                all entries by topic
  hean kb list --language en --topic iodine""",
}


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "kb",
        "check, search, review, build and sign what the assistant knows",
        "Check, search, import, review, export, build and sign the entries that the "
        "assistant answers from.",
    )
    add_command(
        commands, "check", "find mistakes in the knowledge base", _check, _EXAMPLES["check"]
    )
    search = add_command(
        commands,
        "search",
        "show which entries a question finds, and why",
        _search,
        _EXAMPLES["search"],
    )
    search.add_argument("text", metavar="TEXT")
    search.add_argument("--limit", type=int, default=5, metavar="N", help="default: 5")
    search.add_argument("--language", choices=("zh", "en"), help="default: told from the script")
    listing = add_command(commands, "list", "show all entries", _list, _EXAMPLES["list"])
    listing.add_argument("--language", choices=("zh", "en"))
    listing.add_argument("--topic", metavar="NAME")
    kb_workflow.add_parsers(commands)
    kb_sign.add_parsers(commands)


def _check(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.check import check
    from voice.engines import signed_knowledge_of

    signed = signed_knowledge_of(config)
    knowledge, approval = signed.knowledge, signed.approval
    found = check(knowledge)
    errors = sum(finding.level == "error" for finding in found)
    if args.json:
        print_json(
            {
                "entries": len(knowledge.entries),
                "speakable": len(knowledge.speakable),
                "errors": errors,
                "findings": [dataclasses.asdict(finding) for finding in found],
                "content_hash": knowledge.content_hash,
                "approval": dataclasses.asdict(approval),
            }
        )
    else:
        for finding in found:
            print(f"{finding.level:7}  {finding.entry}: {finding.message}")
        languages = Counter(entry.language for entry in knowledge.speakable)
        print(
            f"{len(knowledge.entries)} entries, {languages['zh']} Chinese and {languages['en']} "
            f"English ones are spoken; {errors} errors, {len(found) - errors} warnings"
        )
        print(f"approval: {approval.text}")
    return _EXIT_WRONG if errors else 0


def _search(args: argparse.Namespace, config: Config) -> int:
    from llm.language import detect_language
    from voice.engines import knowledge_of, load_retriever

    if not args.text.strip():
        raise UsageError("there is no text to search for", 'hean kb search "碘片什么时候吃"')
    if args.limit < 1:
        raise UsageError(f"--limit is {args.limit}; it must be at least 1")
    text = args.text.encode(errors="replace").decode()  # what was typed may be no UTF-8
    language = args.language or detect_language(text)
    retriever = load_retriever(config, knowledge_of(config))
    hits = retriever.search(text, language, args.limit)
    if args.json:
        print_json(
            {
                "language": language,
                "hits": [
                    {
                        "id": hit.entry.id,
                        "score": hit.score,
                        "decision": hit.entry.decision,
                        "phrase": hit.phrase,
                        "parts": dict(hit.parts),
                        "answer": hit.entry.answer,
                        "facts": list(hit.entry.facts),
                    }
                    for hit in hits
                ],
            }
        )
        return 0
    for hit in hits:
        print(f"{hit.score:.2f}  {hit.entry.id} ({hit.entry.decision})")
        print(f"      asked as “{hit.phrase}”")
        print("      " + "  ".join(f"{name} {value:.2f}" for name, value in hit.parts.items()))
        print(f"      {hit.entry.answer}")
    return 0


def _list(args: argparse.Namespace, config: Config) -> int:
    from voice.engines import knowledge_of

    chosen = [
        entry
        for entry in knowledge_of(config).entries
        if args.language in (None, entry.language) and args.topic in (None, entry.topic)
    ]
    if args.json:
        print_json({"entries": [dataclasses.asdict(entry) for entry in chosen]})
        return 0
    for entry in chosen:
        mark = "" if entry.status == "vetted" else " (draft, never spoken)"
        print(f"{entry.id} [{entry.decision}] {', '.join(entry.facts)}{mark}")
        print(f"      {entry.answer}")
    return 0
