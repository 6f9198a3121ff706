"""What people write back, and what it means: one table for each kind of question."""

from dataclasses import replace
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.plain import normal
from callback.domain.reply import Kind, Reply, is_courtesy, number_of, read
from callback.domain.survey import Question, QuestionType, Value, accepts, parse_definition
from callback.services.contents import shipped

DEFINITION = parse_definition(next(document for _, document in shipped("questionnaires"))["questionnaire"])
UNCLEAR = Reply(Kind.UNCLEAR)
COURTESY = Reply(Kind.COURTESY)


def question(name: str) -> Question:
    found = DEFINITION.question(name)
    assert found is not None
    return found


SATISFACTION: dict[Value | None, str] = {
    5: "5|５|五|伍|Five|FIVE|five|5分|５分|五分|5 分|5星|五星|5颗星|5 stars|five stars|5/5|5 out of 5|5️⃣|⑤|㈤|5.|5!|“5”|(5)"
    "|我给5分|我打5分|打5分|给5分|打个5分吧|5分吧|五分，谢谢|5 thanks|5, thank you|5 please|谢谢，5分|5 - very good|5 很满意|5分 很好"
    "|很满意|很满意！|非常满意|十分满意|特别满意|满意极了|我觉得很满意|很满意的|非常满意，谢谢！|很满意 谢谢|整体非常满意|服务很好|态度非常好"
    "|Very satisfied|very good|VERY GOOD!|excellent|Excellent, thanks|I'm very satisfied|it was great|really good|perfect|太棒了|😍"
    "|I'd say 5|I give it a 5|I'd give you 5|i would give you a 5|we give it 5 stars|⭐⭐⭐⭐⭐|⭐️⭐️⭐️⭐️⭐️|★★★★★|🌟🌟🌟🌟🌟|5⭐|5 ⭐|5★|⭐⭐⭐⭐⭐ 谢谢"
    "|很不错|非常不错|服务很不错|非常非常满意|很很满意|very very good|really really good|my rating is 5|5，谢谢你们|5\n|  5  |5️⃣ 谢谢",
    4: "4|I'd give you 4|I give it a 4|⭐⭐⭐⭐|★★★★☆|4⭐|四|肆|four|4分|4/5|4️⃣|④|满意|满意。|挺满意|比较满意|基本满意|还满意|不错|还不错|挺好|满意吧|满意了|我满意|satisfied|Satisfied."
    "|quite satisfied|good|pretty good|not bad|I am satisfied|👍|满意，就是慢了点|4, but a bit slow|四分 满意",
    3: "3|三|叁|three|3分|一般|一般般|一般吧|还行|还可以|还行吧|凑合|马马虎虎|neither|average|so so|so-so|neutral|just average|3星",
    2: "2|二|两分|two|2分|不满意|不满意！|不满意。|不太满意|不是很满意|不怎么满意|有点不满意|都不满意|我不满意|我觉得不满意|服务不满意"
    "|差|比较差|dissatisfied|not satisfied|not happy|I am not satisfied|not very good|unhappy|poor|bad|👎|贰分",
    1: "1|⭐|★☆☆☆☆|非常非常不满意|very very bad|一|壹|one|1分|１|①|1️⃣|很不满意|非常不满意|极不满意|一点都不满意|很差|太差了|差评|糟糕|垃圾|very dissatisfied|Very bad!"
    "|terrible|awful|the worst|not satisfied at all|very unhappy|😡|一分，太差了|1 terrible",
    None: "⭐⭐⭐⭐⭐⭐|☆☆☆☆☆|★★★★★☆|I give it up|0|6|10|-1|4.5|3.5分|1-5|1~5|4到5|4 or 5|四五分|not 5|不是5分|5 days late|8/10|4/10|55|5555|12345|maybe|也许|ok|嗯|好不好"
    "|什么意思|这是什么|你是谁|who is this?|不知道|没有不满意|满意还是不满意|1，5|5 or 1|很满意，不满意|asdf|...|？|你们公司的电话是多少"
    "|我等了5天|5天了还没人来|昨天打了5次电话|+8613800138000|5 very bad|5,差评|五六|分|stars|满",
}

SOLVED: dict[Value | None, str] = {
    True: "是|是的|对|嗯|嗯嗯|1|１|①|1️⃣|解决了|已解决|已经解决了|都解决了|问题解决了|好了|修好了|没问题了"
    "|yes|Yes!|YES|y|Y|yep|yeah|sure|ok|Yes, it has|yes it has|solved|fixed|it's fixed|resolved|all good|是的，谢谢|yes thanks"
    "|是的 解决了|已经解决，谢谢你们|👍|好的|对的|👌🏻",
    False: "否|不|不是|没有|没|还没|还没有|2|２|2️⃣|没有解决|没解决|未解决|还没解决|尚未解决|还没解决呢|根本没解决"
    "|解决不了|没修好|还是不行|还是没解决|部分解决|no|No.|n|N|nope|not yet|No, it has not|not solved|still broken|not fixed"
    "|it is not solved|unresolved|不，没解决|no, not yet|没有，还是老样子|👎|👎🏿|not completely",
    None: "yes, but it is broken again|解决了，但是又坏了|是不是|有没有解决|maybe|5|0|3|yes no|是，不是|不知道|可能吧|解决没解决|?|who are you"
    "|yes and no|什么问题|yesterday|nothing|北京",
}

ACCEPTED: dict[Value | None, str] = {
    True: "接受|可以接受|我接受|认可|没问题|没意见|1|yes|accept|I accept|agree|fine|满意|行|同意",
    False: "不接受|不能接受|无法接受|不认可|不满意|2|no|I don't accept|not acceptable|disagree|不同意|不行",
    None: "考虑一下|接受，但是要快|再说|maybe",
}

RECOMMEND: dict[Value | None, str] = {
    0: "0|０|零|〇|zero|0分|不会推荐|Not at all|0️⃣|不推荐|绝不推荐",
    7: "7|七|柒|seven|7分|7/10|7 out of 10|7️⃣|⑦",
    10: "10|十|拾|ten|10分|十分|10/10|🔟|⑩|一定推荐|Certainly|１０|10 out of 10",
    None: "⭐⭐⭐⭐⭐|11|-1|100|7.5|8-9|七八分|maybe|5/5|十一|会",
}

RENEWAL: dict[Value | None, str] = {
    "yes": "会|会的|1|１|a|A|yes|Yes|当然会|一定会|第一个|选1|option 1|1号|是|肯定会",
    "unsure": "还没想好|没想好|2|B|b|not sure|Not sure yet|不确定|看情况|第二个|maybe|unsure|二|option 2|不好说",
    "no": "不会|不会了|3|C|c|no|No|第三个|肯定不会|三|no way|不",
    None: "4|d|0|第四个|为什么|会不会|yes or no|12",
}

TABLE = [
    (name, text, value)
    for name, table in (
        ("attitude", SATISFACTION),
        ("solved", SOLVED),
        ("accepted", ACCEPTED),
        ("recommend", RECOMMEND),
        ("renewal", RENEWAL),
    )
    for value, texts in table.items()
    for text in texts.split("|")
]


def test_an_answer_comes_first_or_it_is_a_number_in_a_story() -> None:
    assert read(question("attitude"), "你们昨天没有来。5") == UNCLEAR


def test_the_words_at_the_ends_of_a_scale_are_its_ends() -> None:
    scale = question("recommend")
    assert scale.low_label is not None
    assert scale.high_label is not None
    for label, option in ((scale.low_label, scale.options[0]), (scale.high_label, scale.options[-1])):
        for words in (label.en, label.zh):
            assert read(replace(scale, role=None), words).value == option.value


def test_a_yes_or_no_that_has_no_role_is_read_by_the_plain_words() -> None:
    assert read(replace(question("solved"), role=None), "yes").value is True


def test_the_table_is_large() -> None:
    assert len(TABLE) >= 350


@pytest.mark.parametrize(("name", "text", "value"), TABLE)
def test_what_people_write(name: str, text: str, value: Value | None) -> None:
    reply = read(question(name), text)
    if value is None:
        assert reply.kind is Kind.UNCLEAR
    else:
        assert (reply.kind, type(reply.value), reply.value) == (Kind.VALUE, type(value), value)


@pytest.mark.parametrize("text", ["谢谢", "谢谢！", "Thanks", "thank you very much", "你好，谢谢", "收到", "🙏", "hi"])
def test_courtesies_answer_nothing_and_ask_nothing(text: str) -> None:
    assert read(question("attitude"), text) == COURTESY
    assert is_courtesy(text)


@pytest.mark.parametrize(
    ("name", "text", "level"),
    [
        ("expectation", "好很多", 5),
        ("expectation", "比预期好", 4),
        ("expectation", "as expected", 3),
        ("expectation", "差一点", 2),
        ("expectation", "much worse", 1),
        ("effort", "very easy", 7),
        ("effort", "非常费力", 1),
        ("effort", "六分", 6),
        ("one_contact", "不止一次", False),
        ("one_contact", "just once", True),
        ("one_contact", "三次", False),
    ],
)
def test_the_words_of_other_scales(name: str, text: str, level: Value) -> None:
    assert read(question(name), text) == Reply(Kind.VALUE, level)


@pytest.mark.parametrize("text", ["跳过", "skip", "SKIP", "略", "下一题", "Pass."])
def test_skipping_is_for_questions_that_may_be_skipped(text: str) -> None:
    assert read(question("improve"), text) == Reply(Kind.SKIP)
    assert read(question("attitude"), text) == UNCLEAR


@pytest.mark.parametrize("text", ["５ 星，但电梯还是停", "无", "谢谢", "没有", "  Faster, please! \n", "N", "🙂"])
def test_free_text_is_kept_as_it_came(text: str) -> None:
    assert read(question("improve"), text) == Reply(Kind.VALUE, text.strip())


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b", "…", "。。。"])
def test_nothing_is_nothing(text: str) -> None:
    assert read(question("attitude"), text) == UNCLEAR
    assert read(question("improve"), text) == UNCLEAR


@pytest.mark.parametrize(
    ("form", "number"),
    [("5", 5), ("10", 10), ("007", None), ("十", 10), ("两", 2), ("²", None), ("x", None), ("", None)],
)
def test_numbers(form: str, number: int | None) -> None:
    assert number_of(form) == number


def test_every_label_in_every_language_is_understood_as_itself() -> None:
    for asked in DEFINITION.questions:
        for option in asked.options:
            for label in (option.wording.en, option.wording.zh):
                for written in (label, label.upper(), f"  {label}！", f"{label}\n", f"“{label}”"):
                    assert read(asked, written) == Reply(Kind.VALUE, option.value), (asked.name, written)


CLOSED = [asked for asked in DEFINITION.questions if not asked.is_text]


@given(st.sampled_from(CLOSED), st.text(max_size=60))
def test_whatever_is_written_the_answer_is_one_or_none(asked: Question, text: str) -> None:
    reply = read(asked, text)
    if reply.kind is Kind.VALUE:
        assert accepts(asked, reply.value) is None
    else:
        assert reply.value is None


@given(
    st.integers(1, 5),
    st.sampled_from(
        ["{}", "{}分", " {} ", "{}!", "{}。", "我给{}分", "{} stars", "{}/5", "谢谢，{}分", "{} thanks", "“{}”"]
    ),
)
def test_a_number_is_itself_however_it_is_dressed(level: int, dress: str) -> None:
    for digit in (
        str(level),
        chr(0xFF10 + level),
        "一二三四五"[level - 1],
        f"{level}\ufe0f\u20e3",
        chr(0x245F + level),
    ):
        assert read(question("attitude"), dress.format(digit)) == Reply(Kind.VALUE, level), dress.format(digit)


@given(
    st.sampled_from(["很满意", "满意", "very satisfied", "satisfied", "good", "接受"]),
    st.sampled_from(["不", "没有", "not "]),
)
def test_a_negation_never_becomes_praise(praise: str, negation: str) -> None:
    reply = read(question("attitude"), negation + praise)
    assert reply.kind is Kind.UNCLEAR or (isinstance(reply.value, int) and reply.value <= 2)


@given(st.text(max_size=80))
def test_normal_is_settled(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def test_types_are_what_the_table_says() -> None:
    assert question("solved").type is QuestionType.BOOLEAN
    assert question("renewal").type is QuestionType.RADIOGROUP


def test_a_message_of_nothing_but_wrappings_is_read_at_once() -> None:
    """It has a form for each beginning with each end: one SMS of ten segments took a minute and a gigabyte."""
    began = process_time()
    assert read(question("attitude"), "都" * 300 + "的" * 300) == UNCLEAR
    assert process_time() - began < 1
