"""Sentences as people say them at such a device, with and without personal data in them.

When they were first tried, 23 of 34 secrets were masked and nothing else was.
"""

from __future__ import annotations

import pytest

from llm.masking import mask


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("我叫王建国，我儿子在镇小学，要不要去接", "王建国"),
        ("我是李秀英，今年六十八了，能吃碘片吗", "李秀英"),
        ("打我电话13812345678告诉我结果", "13812345678"),
        ("我的手机号是一三八一二三四五六七八", "一三八一二三四五六七八"),
        ("身份证110101199003078515能登记吗", "110101199003078515"),
        ("我住在朝阳区建国路88号3号楼502室，要撤离吗", "建国路88号"),
        ("我家在海盐县武原街道秦山村12组，算哪个区", "秦山村12组"),
        ("孩子叫张小明，三岁，碘片吃多少", "张小明"),
        ("我妈陈桂芳有甲亢，能吃碘吗", "陈桂芳"),
        ("帮我联系我老公刘伟，电话是138-0013-8000", "138-0013-8000"),
        ("我姓赵，住二单元301", "301"),
        ("我的邮箱是zhang.san@example.com", "zhang.san@example.com"),
        ("微信号wx_zhangsan99，发给我", "wx_zhangsan99"),
        ("座机0571-88123456打不通怎么办", "0571-88123456"),
        ("车牌浙A12345能不能出城", "浙A12345"),
        ("护照号E12345678能领碘片吗", "E12345678"),
        ("我叫欧阳娜娜在小区18幢1202", "欧阳娜娜"),
        ("我家孩子学号20230415，在实验小学三年级二班", "20230415"),
        ("银行卡6222021234567890123丢了", "6222021234567890123"),
        ("隔壁的老周头没车，谁接他", "老周"),
        ("My name is John Smith and I live near the plant", "John Smith"),
        ("I'm called Mary, can I take KI", "Mary"),
        ("I live at 24 Oak Street, do I evacuate", "24 Oak Street"),
        ("call me at 415-555-0132 please", "415-555-0132"),
        ("my number is five five five zero one three two", "five five five zero one three two"),
        ("email me at jane.doe@mail.com", "jane.doe@mail.com"),
        ("This is Sarah Connor, is the water safe", "Sarah Connor"),
        ("my son Peter Brown is at school", "Peter Brown"),
        ("passport number X1234567, can I leave", "X1234567"),
        ("I am in apartment 12B, Maple Court", "12B"),
        ("my social security number is 078-05-1120", "078-05-1120"),
        ("reach me on +44 20 7946 0958", "7946 0958"),
        ("my husband's name is Li Wei, he is at work", "Li Wei"),
        ("my licence plate is ABC 1234", "ABC 1234"),
    ],
)
def test_what_tells_who_somebody_is_is_masked(said: str, secret: str) -> None:
    assert secret not in mask(said)


@pytest.mark.parametrize(
    "said",
    [
        "拨打120还是119",
        "24小时只吃一次",
        "成人130毫克碘化钾",
        "核电站1号机组出事了",
        "住在十公里外",
        "我叫了救护车",
        "I called the ambulance",
        "my name for it is fallout",
        "受了100毫希沃特",
        "12369还能打吗",
        "my passport is lost, can I leave",
        "微信群里的消息能信吗",
        "卡号忘了怎么办",
        "我是高中生",
        "我是护士，要戴什么",
        "老人怎么办",
        "this is urgent",
        "my son is at school",
    ],
)
def test_a_question_without_personal_data_stays_as_it_is(said: str) -> None:
    assert mask(said) == said
