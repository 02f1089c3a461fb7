from __future__ import annotations

import pytest

from asr.digits import with_digits
from llm.knowledge import SHIPPED, load_knowledge
from llm.numbers import quantities

WRITTEN = [
    ("百分之三十", "30%"),
    ("孕妇占百分之十二点五", "孕妇占12.5%"),
    ("百分之百安全吗", "100%安全吗"),
    ("百分之零点一的人会过敏", "0.1%的人会过敏"),
    ("百分之五左右", "5%左右"),
    ("打幺二零还是幺幺零", "打120还是110"),
    ("幺幺九打不通", "119打不通"),
    ("拨一二三六九", "拨12369"),
    ("一二零占线", "120占线"),
    ("电话是零五七三八八八六六一二三", "电话是057388866123"),
    ("二零一一年福岛", "2011年福岛"),
    ("一九八六年四月二十六日", "1986年4月26日"),
    ("三月十一号地震", "3月11号地震"),
    ("早上八点半吃的", "早上8点半吃的"),
    ("下午三点二十分", "下午3点20分"),
    ("晚上十点通知的", "晚上10点通知的"),
    ("凌晨两点一刻", "凌晨2点一刻"),
    ("十四点三十分响的", "14点30分响的"),
    ("离核电站五公里", "离核电站5公里"),
    ("离核电站三十公里", "离核电站30公里"),
    ("三点五公里外", "3.5公里外"),
    ("三十多公里要撤离吗", "30多公里要撤离吗"),
    ("一百毫希沃特", "100毫希沃特"),
    ("一百五十毫希", "150毫希"),
    ("一百零五微希", "105微希"),
    ("零点三微希每小时", "0.3微希每小时"),
    ("二十微希每小时高吗", "20微希每小时高吗"),
    ("一百三十毫克碘化钾", "130毫克碘化钾"),
    ("孩子三岁", "孩子3岁"),
    ("两岁的娃", "2岁的娃"),
    ("四十五岁以上", "45岁以上"),
    ("烧到三十九度", "烧到39度"),
    ("待二十四小时", "待24小时"),
    ("洗十五分钟", "洗15分钟"),
    ("躲四十八个小时", "躲48个小时"),
    ("隔离十四天", "隔离14天"),
    ("二十五天以后", "25天以后"),
    ("五十万人撤离", "50万人撤离"),
    ("一千贝克", "1000贝克"),
    ("一万贝克每公斤", "1万贝克每公斤"),
    ("三千二百人", "3200人"),
    ("一共三百二十一", "一共321"),
    ("住在十八楼", "住在18楼"),
]
"""Heard in characters, and written as people do."""

LEFT = [
    "等一下", "十分危险", "万一断电", "千万别出去", "三里岛事故", "第一时间", "第十三条", "两天",
    "三天", "一片碘片", "七级事故", "三分之一", "一半", "十几公里", "几十公里",
    "一个人在家", "统一行动", "一二级", "五一假期", "说一遍", "一点半点", "有点晚", "三点了吗",
    "秦山一期", "一起走", "八点", "早上好",
]  # fmt: skip
"""What stays as it is."""


@pytest.mark.parametrize(("heard", "written"), WRITTEN)
def test_quantities_times_and_telephones_are_written_in_figures(heard: str, written: str) -> None:
    assert with_digits(heard) == written
    assert with_digits(written) == written


@pytest.mark.parametrize("text", LEFT)
def test_what_is_no_quantity_stays(text: str) -> None:
    assert with_digits(text) == text


def test_no_question_of_the_knowledge_base_changes_its_meaning() -> None:
    texts = [ask for entry in load_knowledge(SHIPPED).entries for ask in entry.ask]
    changed = [text for text in texts if with_digits(text) != text]
    assert changed
    assert [text for text in changed if quantities(with_digits(text)) != quantities(text)] == []
