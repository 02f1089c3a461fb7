"""What is masked in a question, and what must stay: it is all about numbers in this field."""

import pytest

from llm.masking import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我叫张三，今年五岁，碘片什么时候吃", "我叫[name]，今年五岁，碘片什么时候吃"),
        ("我叫张三今年五岁", "我叫[name]今年五岁"),
        ("我叫欧阳娜娜住在哪里", "我叫[name]住在哪里"),
        ("我叫买买提·阿不都热合曼", "我叫[name]"),
        ("孩子叫李小明受伤了", "孩子叫[name]受伤了"),
        ("姓名：王五 电话：13800138000", "姓名：[name] 电话：[phone]"),
        ("我的电话是一三八零零一三八零零零", "我的电话是[phone]"),
        ("幺三八零零幺三八零零零是我", "[phone]是我"),
        ("打我手机138-0013-8000", "打我手机[phone]"),
        ("打我手机１３８００１３８０００", "打我手机[phone]"),
        ("+86 13800138000", "[phone]"),
        ("010-62781234打不通", "[phone]打不通"),
        ("座机是62781234", "座机是[phone]"),
        ("120说打13800138000", "120说打[phone]"),
        ("身份证号11010519491231002X", "身份证号[id]"),
        ("身份证一一零一零五一九四九一二三一零零二叉", "身份证[id]"),
        ("110105 19491231 0021", "[id]"),
        ("我住在朝阳区建国路88号院5号楼1203室，要撤离吗", "我住在[address]，要撤离吗"),
        ("北京市海淀区中关村大街一号", "[address]"),
        ("我在5号楼2单元", "我在[address]"),
        ("402室能待吗", "[address]能待吗"),
        ("我叫王伟我家在幸福村12号", "我叫[name]我家在[address]"),
        ("发到 zhang.san+1@qq.com 可以吗", "发到 [e-mail] 可以吗"),
        ("zhang at qq dot com", "[e-mail]"),
        (
            "my name is John Smith and I am at 12 Main Street",
            "my name is [name] and I am at [address]",
        ),
        ("I'm called mary how long should I stay", "I'm called [name] how long should I stay"),
        ("we are in apt 5b", "we are in [address]"),
        ("call me at +1 415-555-2671", "call me at [phone]"),
        ("my number is 5552671", "my number is [phone]"),
        ("one three eight zero zero one three eight zero zero zero", "[phone]"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "打110还是120，还是12345",
        "电话110 119 120 12345 12356 12369",
        "in danger call 120 or 911",
        "我叫救护车了吗",
        "我叫不到车怎么办",
        "你叫什么名字",
        "他叫我出去",
        "妈妈叫我回家",
        "碘片130毫克，12到18岁",
        "take 130 mg or 65 mg",
        "1000000贝克是多少",
        "每小时0.25微希沃特，半径20公里内",
        "2011年3月11日14点46分",
        "6月3号的事故",
        "福岛第一核电站1号机组爆炸了",
        "4号反应堆",
        "unit 4 exploded",
        "坐5号线可以吗",
        "住在三楼安全吗",
        "我们镇3层楼的房子可以吗",
        "离核电站30公里的村3户人家",
        "躲在教室还是地下室",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "text", ["a", "我叫", "路", "朝阳区", "one ", "a at ", "my name is ", "+1 (", "a@", "·"]
)
def test_a_very_long_text_is_read_to_its_end(text: str) -> None:
    """Rules whose time grew with the square of the length would not come back from this."""
    assert mask(text * 30_000 + "。13800138000").endswith("。[phone]")
