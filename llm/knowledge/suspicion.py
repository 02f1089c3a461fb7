"""Sentences of a document that a person must look at before they may be spoken.

Rules, not understanding: they point at sentences, they decide nothing. What a document says is data
in any case; nothing in it is ever obeyed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from llm.guard import Guard
from llm.wording import sentences

_REASONS = {
    "injection": "reads like an instruction to the assistant",
    "secret": "may be a password or another secret",
    "security": "may tell how a facility is protected",
    "theft": "may tell how a facility is protected",
    "weapon": "may help to build a weapon",
    "harm": "may help to do harm",
    "rumour": "may be made up",
}
"""What the replies of `llm/guard.toml` mean for a sentence of a document."""

_PATTERNS = (
    (
        "injection",
        r"<\|?[a-z_]{2,20}\|?>|\[/?inst\]|^\s*(?:system|assistant|user|human)\s*[:：]"
        r"|(?:system|系统)\s*(?:prompt|提示词|提示|消息)"
        r"|(?:ignore|disregard|forget)\b.{0,40}\b(?:above|before|previous|earlier|instructions?)\b"
        r"|(?:忽略|无视|忘掉|忘记).{0,12}(?:以上|上面|之前|前面|上文|所有)"
        r"|(?:assistant|助手|模型|语言模型|\bai\b).{0,12}(?:must|should|必须|应当|只能|不得).{0,12}"
        r"(?:answer|reply|say|tell|output|回答|回复|输出|告诉)"
        r"|you are now|你现在(?:是|的身份)|从现在(?:开始|起)你",
    ),
    (
        "personal data",
        r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d){8}(?!\d)|(?<!\d)\d{17}[\dx](?!\w)"
        r"|[\w.+-]+@[\w-]+\.[\w.]+|身份证|住址|家庭地址|病历|date of birth|home address|passport",
    ),
    (
        "security",
        r"实物保护|巡逻|岗哨|警卫|保安.{0,6}(?:人数|名|班)|监控.{0,6}(?:盲区|死角|位置)|门禁|围栏"
        r"|要害|防护薄弱|入侵探测|钥匙|武装|押运|运输路线"
        r"|physical protection|vital area|patrol|guard post|armed|camera|blind spot|access code"
        r"|key card|fence|intrusion|badge|escort|transport route",
    ),
)
_COMPILED = tuple((kind, re.compile(text, re.IGNORECASE)) for kind, text in _PATTERNS)


@dataclass(frozen=True)
class Suspicion:
    """A sentence to look at."""

    text: str
    reason: str


def suspicions(text: str) -> tuple[Suspicion, ...]:
    """Return the sentences of a text that need a look, each with every reason."""
    return tuple(
        Suspicion(sentence, reason) for sentence in sentences(text) for reason in _reasons(sentence)
    )


def _reasons(text: str) -> list[str]:
    kinds = [kind for kind, pattern in _COMPILED if pattern.search(text)]
    verdict = _guard().check(text)
    if verdict is not None and verdict.reply.name in _REASONS:
        kinds.append(verdict.reply.name)
    return list(dict.fromkeys(_REASONS.get(kind, kind) for kind in kinds))


@lru_cache(maxsize=1)
def _guard() -> Guard:
    """Return the rules for questions; a written document needs no comparison by sound."""
    return Guard(lambda _: ())
