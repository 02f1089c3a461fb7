from __future__ import annotations

import pytest

from asr.repair import Repairer
from asr.text import clean
from llm.knowledge import SHIPPED, load_knowledge

TERMS = [
    *("碘片", "稳定碘", "核事故", "沾污", "隐蔽", "烟羽", "撤离", "孕妇", "半衰期", "避迁", "辐射"),
    *(
        "剂量",
        "放射性",
        "放射源",
        "核电站",
        "核应急",
        "喂奶",
        "牲畜",
        "射线",
        "警报",
        "核事件",
        "毒气",
        "本底",
    ),
    *("脏弹", "西弗", "孕期", "铯", "KI", "碘131"),
]
REPAIRER = Repairer(TERMS)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("点片什么时候吃", "碘片什么时候吃"),
        ("孩子能吃電片嗎?", "孩子能吃碘片吗？"),
        ("点遍吃几片", "碘片吃几片"),
        ("稳定点有副作用吗", "稳定碘有副作用吗"),
        ("发生何事故怎么办", "发生核事故怎么办"),
        ("照射和战物有啥不一样", "照射和沾污有啥不一样"),
        ("占污了怎么洗", "沾污了怎么洗"),
        ("在家硬逼多久", "在家隐蔽多久"),
        ("怎么能少受点服涉", "怎么能少受点辐射"),
        ("受多大纪量", "受多大剂量"),
        ("点天能防铯吗", "碘片能防铯吗"),
        ("碰到和泄漏怎么办", "碰到核泄漏怎么办"),
        ("怎么做一个张打", "怎么做一个脏弹"),
        ("我被照了300毫希或特惠的挨吗。", "我被照了300毫希沃特会得癌吗。"),
        ("半摔期是什么", "半衰期是什么"),
        ("要不要闭钱", "要不要避迁"),
        ("放射信物质", "放射性物质"),
        ("合应急热线", "核应急热线"),
        ("什么时候要车里", "什么时候要撤离"),
        ("什么时候要彻底？", "什么时候要撤离？"),
        ("福社会传染吗", "辐射会传染吗"),
        ("拍个片子吃多少胡色", "拍个片子吃多少辐射"),
        ("戴口罩能挡住服身吗", "戴口罩能挡住辐射吗"),
        ("烟雨应急计划区", "烟羽应急计划区"),
        ("我家在河电站旁边", "我家在核电站旁边"),
        ("怀疑邻居家里有放社员怎么办", "怀疑邻居家里有放射源怎么办"),
    ],
)
def test_misheard_terms_are_put_right(heard: str, meant: str) -> None:
    assert REPAIRER.repair(heard, "zh") == meant
    assert REPAIRER.repair(meant, "zh") == meant


@pytest.mark.parametrize(
    "said",
    [
        "碘片放在车里了",
        "五点天亮",
        "早上七点天黑吗",
        "给我一张大的纸",
        "我媳妇在本地",
        "未来十年怎么样",
        "清点硬币",
        "涉嫌违法",
        "费用和时间都会增多",
        "从我的作品派生出来的",
        "重点片区在哪里",
        "这里有烟雨",
        "今天运气不错",
        "吃点面条",
        "新京报快讯",
        "核电站的保安几点换班",
        "手册里怎么写",
        "碘片防不防铯",
        "小孩咽不下药片",
        "准备个应急包",
        "能彻底洗干净吗",
        "今天跑步吗",
        "电话号码",
        "湿抹布",
        "复核设备",
    ],
)
def test_other_words_stay_as_they_are(said: str) -> None:
    assert REPAIRER.repair(said, "zh") == said


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("狗身上沾了灰灾弄", "狗身上沾了灰咋弄"),
        ("给孩子洗要注意沙。", "给孩子洗要注意啥。"),
        ("空调能开码", "空调能开吗"),
        ("家里养的牛羊怎么搬", "家里养的牛羊怎么办"),
        ("和红酒有用吗", "喝红酒有用吗"),
        ("会有啥付作用", "会有啥副作用"),
        ("吃多少毫戈点。", "吃多少毫克碘。"),
        ("毒气漏了王拿跑", "毒气漏了往哪跑"),
    ],
)
def test_everyday_words_are_put_right_where_only_they_make_sense(heard: str, meant: str) -> None:
    assert Repairer([]).repair(heard, "zh") == meant
    assert Repairer([]).repair(meant, "zh") == meant


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("123、6、9还能打吗", "12369还能打吗"),
        ("打1-2-0行吗", "打120行吗"),
        ("100、50还是25", "100、50还是25"),
        ("3、5天", "3、5天"),
    ],
)
def test_digits_of_a_telephone_number_are_joined(heard: str, meant: str) -> None:
    assert REPAIRER.repair(heard, "zh") == meant


def test_english_is_only_cleaned() -> None:
    assert REPAIRER.repair(" when to take K.I.", "en") == "when to take KI"


def test_terms_that_are_not_given_are_not_written() -> None:
    assert Repairer([]).repair("点片什么时候要车里", "zh") == "点片什么时候要车里"


def test_hardly_any_or_much_text_is_no_trouble() -> None:
    assert REPAIRER.repair("", "zh") == ""
    assert REPAIRER.repair("点", "zh") == "点"
    assert REPAIRER.repair("点片" * 1000, "zh") == "碘片" * 1000


def test_no_vetted_text_is_altered() -> None:
    knowledge = load_knowledge(SHIPPED)
    repairer = Repairer(knowledge.terms("zh"))
    entries = [entry for entry in knowledge.entries if entry.language == "zh"]
    texts = [clean(text) for e in entries for text in (*e.ask, e.answer, e.details)]
    assert len(texts) > 1000
    altered = [text for text in texts if repairer.repair(text, "zh") != text]
    # By its sound alone it is 省核电厂; both are about the same.
    assert altered == ["核应急分国家省和电厂吗"]
