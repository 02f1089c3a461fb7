"""What recognisers write for words that only their surroundings give away.

Found in what Whisper base wrote for synthetic questions, clean and in noise. A rule holds only
where the words as written make no sense: at the end of a question, beside a word that decides.
"""

from __future__ import annotations

import re

_END = r"(?=[，。？！,?!]|$)"
_FU = "[肤服胡福扶富复附付副夫狐湖糊互妇覆弗辅]"
_SHE = "[色社舍涉设摄射身瑟神饰士]"

TERMS = tuple(
    (re.compile(pattern), term)
    for pattern, term in (
        (r"(?<=[要该会能须备始令即急往])[车彻][里离理礼立利]", "撤离"),
        (rf"(?<=[候要])彻底{_END}", "撤离"),
        (r"(?<=[大射照少的])[计记纪几][量两辆]", "剂量"),
        (r"[烟盐言][雨与语](?=应急|计划|扩散|飘)", "烟羽"),
        (rf"(?<=[受点防少挡住能核有把抗]){_FU}{_SHE}(?![会区团])", "辐射"),
        (rf"(?:^|(?<=[受防挡住核])){_FU}{_SHE}(?=会|能|对|是|强|大|有)", "辐射"),
        (rf"(?<=天然){_FU}{_SHE}|{_FU}{_SHE}(?=强度|值|水平|病|源)|(?<=把){_FU}{_SHE}", "辐射"),
        (r"(?<=[受点])[独毒][射摄涉]", "辐射"),
        (r"(?<=[被受])[照找罩][识式是社舍设摄色使士涉射](?=[的了过])", "照射"),
        (r"(?<=[吃囤买抢])[点电典店][也眼言严](?=能|可以|防|有|够)", "碘盐"),
        (r"(?<=多少)[点电典][片篇偏遍]", "碘片"),
        (rf"(?<=[吃服有]多少)[点电]{_END}", "碘"),
        (r"(?<=一片)[点电](?=[行可，？]|$)", "碘"),
        (r"(?<=[吃服])[点电](?=能防)", "碘"),
        (r"(?<=[点碘])[点电典]盐", "碘盐"),
        (r"(?<=[能不会]防)[色塞](?=[吗，？。]|$)", "铯"),
        (r"硬[集极级急击]", "应急"),
        (r"第[1一]?[阵正镇震](?=的|时)", "地震"),
        (r"(?<=[化电工])场(?=爆|着火|漏|起火|出事)", "厂"),
    )
)
"""Only with a vocabulary that has the word, or holds it in a longer one."""

WORDING = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        # How questions begin and end.
        (rf"(?<![号代数密编条二])(?<=[\u4e00-\u9fff]{{2}})[码骂麻]{_END}", "吗"),
        (rf"(?<=[有管])用[美妹]{_END}", "用没"),
        (rf"(?<=[摘片喝吃行])[步布]{_END}", "不"),
        (rf"[怎整正][么模墨摸][板版扮搬伴]{_END}", "怎么办"),
        (r"[整正][么墨摸](?=[做办弄洗吃])", "怎么"),
        (rf"(?<=怎么)多{_END}", "躲"),
        (rf"[砸灾杂扎炸宰](?=[弄办整]{_END})", "咋"),
        (rf"[砸灾杂扎炸宰宅咋][伴半拌办]{_END}", "咋办"),
        (r"[傻杀沙](?=关系)", "啥"),
        (r"[要药][书说][傻杀沙]", "要说啥"),
        (r"[心新](?=干啥|干什么|做什么|做啥)", "先"),
        (r"(?<!性)的石头(?=要|我|怎|能|可|该|会)", "的时候"),
        (rf"神[吗马么]{_END}", "什么"),
        (rf"(?<=是)积极{_END}", "几级"),
        (r"(?<=算)[试事][工供]", "事故"),
        (rf"(?<=了)波及{_END}", "拨几"),
        (r"多(?=哪里|哪儿|哪间)", "躲"),
        (r"(?:安安|爱恩|艾恩)(?:西|思|斯)?(?=[西吸七7][极击级吉])", "INES"),
        (r"(?<=INES)[西吸][极击级吉]", "七级"),
        (r"安安西(?=[一供共几是])", "INES"),
        (r"(?<=车)[砸咋炸]车", "咋撤"),
        (rf"(?<=[带拿]点)[杀傻沙纱]{_END}", "啥"),
        (rf"(?<=注意)[沙杀傻伤纱]{_END}", "啥"),
        (r"[杀傻沙]的?时候", "啥时候"),
        (r"什么石头", "什么时候"),
        (r"是神[吗马么]", "是什么"),
        (r"(?<=贝可)神[吗马么]", "是什么"),
        (r"[王网忘]拿(?=[跑逃走躲去])", "往哪"),
        (r"[刀倒]拿一[集级极]", "到哪一级"),
        (r"(?<=是)拿(?=几)", "哪"),
        (r"[几计寄记季][长常][几极计级][短断]", "几长几短"),
        (r"[室事市式]不是(?=[被要有在最很])", "是不是"),
        # Everyday things.
        (r"污染[去取趣](?=[来的里内外])", "污染区"),
        (r"[路露]煤气", "漏煤气"),
        (r"[付附富复负][作做]用", "副作用"),
        (r"[户护][发法][素数]", "护发素"),
        (r"^[投透]发", "头发"),
        (r"(?<=[门窗])[奋份分粉](?=窗|用|要|堵|怎|漏)", "缝"),
        (r"解到(?=通知|命令|消息|指令)", "接到"),
        (r"(?<=[岁月越]的)[挖瓦哇蛙]", "娃"),
        (r"[高刚]满[越月]", "刚满月"),
        (rf"(?<=怀孕.)种{_END}", "周"),
        (r"(?<=一[包勺袋])眼", "盐"),
        (rf"[蹲墩]点{_END}", "囤点"),
        (r"^也(?=要不要多?[囤蹲买])", "盐"),
        (r"^[和河喝]皮酒", "喝啤酒"),
        (r"世外(?!桃)", "室外"),
        (r"(?<=多少)威[胁稀西希]", "微希"),
        (r"台[晚完](?=会|打)", "台湾"),
        (r"^[加佳嘉]里(?=[养有的])", "家里"),
        (r"^够(?=身上|毛|狗)", "狗"),
        (r"^[和河](?=红酒|酒|绿茶|啤酒)", "喝"),
        (r"^[待带](?=口罩|手套|帽子)", "戴"),
        (r"^[做作](?=飞机|高铁|地铁|公交)", "坐"),
        (r"房(?=辐射)", "防"),
        (r"[葬藏](?=东西|衣服|水)", "脏"),
        (r"[4四是]家地[里理](?=的|种)", "自家地里"),
        (r"自家地理(?=的)", "自家地里"),
        (r"(?<=外面)[煤每梅](?=盖)", "没"),
        (r"哪个[物无](?=最)", "哪个屋"),
        (r"哪个物质(?=安全)", "哪个屋最"),
    )
)

ENGLISH = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r"\brumor(s?)\b", r"rumour\1"),
        (r"\biodized\b", "iodised"),
        (r"\bmilli[\s-]?s(?:ie|e|i)ver?t'?s?\b", "millisieverts"),
        (r"\bmicro[\s-]?s(?:ie|e|i)ver?t'?s?\b", "microsieverts"),
        (r"\bbecker(?: ?l|el|al|ell)\b", "becquerel"),
        (r"\bthe plan(?= (?:explode|blow|leak|melt))", "the plant"),
        (r"\b(?:key|kay) (?:eye|i)\b", "KI"),
        (r"\btake care of(?=[?.]|$)", "take KI"),
    )
)
"""Spelling of the knowledge base, and words of the field."""

_NUMBERS = re.compile(r"(?<!\d)\d{1,3}(?:[、，,. -]+\d{1,3}){1,4}(?!\d)")
_TELEPHONE = re.compile(r"1(?:10|19|20|22)|12\d{3}")


def joined_telephone(text: str) -> str:
    """Return `text` with the digits of Chinese short numbers together: 123、6、9 is 12369."""

    def join(match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", match[0])
        return digits if _TELEPHONE.fullmatch(digits) else match[0]

    return _NUMBERS.sub(join, text)
