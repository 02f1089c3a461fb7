"""The sentences that are spoken without standing in the knowledge base or among the guard's rules.

They are here so that an authority can read them, and so that its signature covers them. Where the
words of a question or an answer have their place, what comes before them is a sentence of its own:
that can be synthesised ahead.
"""

from __future__ import annotations

from collections.abc import Mapping

from llm.compose import NOTHING_VETTED

TOO_LONG = {
    "zh": "问题太长了，请用一句话再说一遍。",
    "en": "That was too long; please ask again in one sentence.",
}
"""Said of a question that is too long to be one."""
NOTHING_HEARD = {
    "zh": "没有听清，请再说一遍。",
    "en": "I did not hear a question; please say it again.",
}
"""Said where there is no question."""
OUTSIDE = {
    "zh": "这个我帮不上，我只回答核与辐射应急的问题，比如怎么隐蔽。",
    "en": "I cannot help with that; I only answer questions on nuclear emergencies, "
    "such as how to shelter.",
}
"""Said of questions of other fields."""
NO_MORE = {
    "zh": "关于这个没有更多审核过的资料，请听当地应急广播，或问当地政府。",
    "en": "I have nothing more vetted on that; ask your local emergency broadcast or authority.",
}
"""Said where somebody wants more than there is."""
SURE = {"zh": "审核过的资料是这样写的。{0}", "en": "This is what the vetted text says. {0}"}
"""Goes before a vetted answer that is doubted."""
WHICH = {
    "zh": "您问的是哪一个？是“{0}”，还是“{1}”？",
    "en": "Which do you mean? “{0}” or “{1}”?",
}
"""Asks which of two questions is meant."""
NOTHING_SAID = {"zh": "我还没有说过什么。", "en": "I have not said anything yet."}
"""Said where somebody wants the last answer again and there was none."""
APOLOGY = {
    "zh": "对不起，我这里出了故障。请听官方广播，紧急情况请打120。",
    "en": "Sorry, something failed here. Listen to official broadcasts; in an emergency call 120.",
}
"""Said where a stage failed."""


def fixed_texts() -> dict[str, Mapping[str, str]]:
    """Return every fixed sentence by name and language."""
    return {
        "too long": TOO_LONG,
        "nothing heard": NOTHING_HEARD,
        "outside": OUTSIDE,
        "no more": NO_MORE,
        "sure": SURE,
        "which": WHICH,
        "nothing vetted": NOTHING_VETTED,
        "nothing said": NOTHING_SAID,
        "apology": APOLOGY,
    }
