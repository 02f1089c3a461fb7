"""A small knowledge base on disk: vetted entries in both languages, and a draft."""

from __future__ import annotations

from pathlib import Path

SOURCES = """\
[F1]
confidence = "A"
title = "Shelter"
issuer = "Office"
year = "2020"
value = "3 min"

[F2]
confidence = "B"
title = "Water"
issuer = "Office"
year = "2021"

[F3]
confidence = "C"
title = "Not opened"
issuer = "Office"
year = ""
"""
ZH_SHELTER = """\
# Sheltering.

[[entry]]
id = "zh.shelter.go-in"
ask = [
    "要不要先进屋", "出事先进屋吗", "先躲屋里吗", "先进房子吗",  # how people talk
]
answer = "先进屋。关好门窗。"
facts = ["F1"]
related = ["zh.shelter.siren"]
reviewer = "editor"
reviewed = "2026-01-02"   # the first review

# Nobody knows it here.
[[entry]]
id = "zh.shelter.siren"
decision = "unknown"
ask = ["警报响几声", "警报是什么声音", "警报怎么响", "警报长什么样"]
answer = "警报怎么响，我不知道。"
facts = ["F1"]
reviewer = "editor"
reviewed = "2026-01-02"

[[entry]]
id = "zh.shelter.draft"
status = "draft"
ask = ["要躲多久", "躲几天", "隐蔽多长时间", "什么时候能出去"]
answer = "躲77天。"
facts = ["F3"]
"""
ZH_WATER = """\
[[entry]]
id = "zh.water.tap"
ask = ["自来水能喝吗", "水龙头的水能喝吗", "水还能喝吗", "喝自来水行吗"]
answer = "可以喝，等通知。"
facts = ["F2"]
reviewer = "editor"
reviewed = "2026-01-02"

[[entry]]
id = "zh.water.boil"
ask = ["烧开就没辐射了吧", "煮沸能去掉放射性对吧", "水烧开就安全了吧", "烧开水就行了吧"]
answer = "不行，烧开去不掉放射性。"
decision = "correct"
facts = ["F2"]
reviewer = "editor"
reviewed = "2026-01-02"
"""
EN_SHELTER = """\
[[entry]]
id = "en.shelter.go-in"
ask = ["Should I go in?", "Do I go inside first?", "Inside or outside?", "Shall we hide inside?"]
answer = "Go in. Shut the doors."
facts = ["F1"]
reviewer = "editor"
reviewed = "2026-01-02"
"""


def write_base(folder: Path) -> Path:
    """Write the knowledge base and return its folder."""
    for name, text in (
        ("sources.toml", SOURCES),
        ("zh/shelter.toml", ZH_SHELTER),
        ("zh/water.toml", ZH_WATER),
        ("en/shelter.toml", EN_SHELTER),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def replace_in(path: Path, old: str, new: str) -> None:
    """Change a text file; the old text must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
