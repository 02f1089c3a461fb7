"""A device and an authority: a knowledge base, the owner's folder, keys, and a site file."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from llm.knowledge import load_knowledge
from llm.knowledge.keys import create_key, public_path
from llm.knowledge.sign import SignedKnowledge, load_signed, sign
from llm.knowledge.site import Site
from tests.unit.knowledge_folder import write_base

LOCAL = """\
[[entry]]
id = "zh.site.shelter"
ask = ["最近的避难所在哪里", "我该去哪里躲", "避难所在哪", "附近有没有避难所"]
answer = "去镇中学地下室。"

[[entry]]
id = "zh.site.siren"
ask = ["警报响几声", "我们这警报怎么响", "核电厂警报是怎样的", "警报是什么声音"]
answer = "警报连响3分钟。听到先进屋。"
replaces = ["zh.shelter.siren"]

[[entry]]
id = "en.site.shelter"
ask = ["Where is the nearest shelter?", "Where do I go?", "Which shelter?", "A shelter near me?"]
answer = "Go to the school basement."
"""
SITE = Site("秦山 NPP", "Haiyan County", "2026-05-06")


@dataclass
class Place:
    """Folders of one device, and of an authority with its key."""

    base: Path
    own: Path
    trusted: Path
    key: Path
    local: Path

    def sign(self, local: Path | None = None, site: Site = SITE, valid_days: int = 0) -> None:
        knowledge = load_knowledge(self.base, self.own)
        sign(knowledge, site, self.key, self.own, local, valid_days=valid_days)

    def load(self, today: date | None = None) -> SignedKnowledge:
        return load_signed(self.base, self.own, self.trusted, today)

    @property
    def state(self) -> str:
        return self.load().approval.state

    def trust(self, key: Path, name: str = "haiyan") -> None:
        self.trusted.mkdir(exist_ok=True)
        shutil.copy(public_path(key), self.trusted / f"{name}.pub")


def make_place(tmp_path: Path) -> Place:
    """Return a place with a key that is trusted, and nothing signed yet."""
    made = Place(
        write_base(tmp_path / "base"),
        tmp_path / "own",
        tmp_path / "trusted-keys",
        tmp_path / "county",
        tmp_path / "local.toml",
    )
    create_key(made.key)
    made.trust(made.key)
    made.local.write_text(LOCAL, "utf-8")
    return made
