"""The knowledge base, and who stands in for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from llm import KnowledgeError
from llm.knowledge.sign import EXPIRED, SIGNED, UNFIT, UNSIGNED, UNTRUSTED, Approval
from voice.config import Config
from voice.engines import signed_knowledge_of
from voice.errors import KnowledgeFault
from voice.readiness.finding import FAILURE, OK, WARNING, Finding, Words

_STATES = {
    UNSIGNED: "本地主管机构尚未签署；本地条目不会说出",
    UNTRUSTED: "签名所用的密钥未被本机信任，视同未签署",
    UNFIT: "签署之后内容有改动，签名不符，视同未签署",
    EXPIRED: "签署已过有效期，视同未签署；本地条目不会说出",
}


def knowledge(config: Config) -> Iterator[Finding]:
    """Count the entries, and say who has approved them."""
    subject = Words("knowledge", "知识")
    try:
        signed = signed_knowledge_of(config)
    except KnowledgeError as error:
        text = Words(str(error), f"知识库有错：{error}")
        fix = Words("hean kb check", "运行 hean kb check")
        yield Finding(subject, FAILURE, text, fix, KnowledgeFault.exit_code)
        return
    base = signed.knowledge
    spoken = Counter(entry.language for entry in base.speakable)
    kept_back = len(base.entries) - len(base.speakable)
    text = Words(
        f"{spoken['zh']} Chinese and {spoken['en']} English entries, {kept_back} kept back",
        f"中文 {spoken['zh']} 条，英文 {spoken['en']} 条，另有 {kept_back} 条不会说出",
    )
    yield Finding(subject, OK, text)
    yield _approval(signed.approval)


def _approval(approval: Approval) -> Finding:
    subject = Words("approval", "审核签字")
    if approval.state == SIGNED:
        until = f"，有效期至 {approval.valid_until}" if approval.valid_until else ""
        who = approval.authority or approval.key_name
        text = f"{who} 已于 {approval.date} 为 {approval.site} 签署{until}"
        return Finding(subject, OK, Words(approval.text, text))
    fix = Words(
        "let the authority responsible for this site review the entries: hean kb sign --help",
        "请本地主管机构审核条目并签署：hean kb sign --help",
    )
    return Finding(subject, WARNING, Words(approval.text, _STATES[approval.state]), fix)
