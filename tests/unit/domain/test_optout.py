"""Who wants no more messages, in both languages; and who only answers a question."""

from dataclasses import replace
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.optout import ALWAYS, EVERYTHING, MESSAGES, UNLESS_ANSWER, Meaning, Wish, meaning
from callback.domain.reply import Kind, Reply, read
from callback.domain.words import SuppressionScope
from tests.unit.domain.test_reply import question

STOPS = (
    "STOP|stop|Stop.|STOP!|ＳＴＯＰ|“stop”|STOPALL|stop all|UNSUBSCRIBE|CANCEL|END|QUIT|REVOKE|OPTOUT|opt out|OPT-OUT|退订|退订。|TD|td|ＴＤ|"
    "STOP STOP STOP|stop, stop!|S T O P|S.T.O.P.|退订TD|TD退订|回T退订|T退订|回复TD退订|R退订|退订，退订|取消订阅|请取消订阅|"
    "please stop|stop please|Stop, thanks|回复TD|回TD|退订谢谢|请退订|退订吧"
)
SENTENCES = {
    MESSAGES: "please stop texting me|stop sending me these|Stop it!|please stop this now|Quit it|Stop sending me messages|stop these texts|no more texts|no more surveys please|don't text me again|"
    "Do not send me any more messages|never text me|I want to unsubscribe|unsubscribe me now|opt me out|I'd like to opt out|"
    "I do not want to receive these surveys|别给我发短信|不要再发短信了|请不要再给我发信息|别再发了|请勿发送垃圾短信|停止发送短信|不想再收到你们的短信|"
    "拒绝接收此类信息|我要退订|怎么退订|退订短信|请帮我取消订阅|退订回T|退订回TD|退订回复N|停止发送|请立即停止发送|Stop sending these please|stop sending these|"
    "please stop sending any more|以后别发|以后不要再发了|别发了|do not text|don't text|no more please|please no more of these|拒绝回访|谢绝电话回访|不接受调查|"
    "别再回访了|不要再回访|I told you do not text me any more|I asked you not to text me",
    EVERYTHING: "stop calling me|do not contact me|don't call me again|never call us|leave me alone|remove me from your list|"
    "take my number off your list|no more calls|stop harassing me|不要再联系我|别再打电话|不要给我打电话|请勿打扰|别骚扰|不要再打来|禁止骚扰|勿扰，请勿打扰|别再联系|"
    "别烦我|不要再烦我了|别打了|别再打了|不要打了|不要再打电话来|do not call|don't contact|please not call me again|勿扰|"
    "I told you don't call me again|I told you people do not call me again|I told you never contact me again|"
    "I told you not to call me again|I asked you twice to please never call us",
}
NOT_STOPS = (
    "希望不要再发生这种事|不要再发错货了|别再发坏的零件|发货太慢|取消了订单但没退款|the bus stop is far|end of story, all fine|stopping the lift is annoying|"
    "your agent should call me again|please call me|请联系我|请给我打电话|不要打折扣|退款太慢|I had to cancel my trip|the weekend was bad|"
    "他没有再联系我|你们没有联系我|nobody contacted me|you never called me|信息不清楚|短信通知晚了|message was unclear|the survey is too long|别处更便宜|"
    "stop it from leaking please|n n|t t t|ab ab|NTD|1 1|5 5 5|a b c|"
    "contact me tomorrow|电话打不通|没人联系我|"
    # What only has the words of a stop in it, or denies one.
    "T恤很好|END of story: 5|the bus stop is near|non-stop problems|我没有退订|我没退订过|不退订|please don't stop|didn't stop ringing|"
    "please don't stop sending me these|the phone didn't stop calling|they did not call me|no, they did not call me back|you never call me back|"
    "I had to call, cancel, and call again|the doors never stop, it is annoying|in the end, it was fine|the end result is bad|不要停止发送|"
    "一直没有停止发送通知|停止发货了|stopped working|the lift does not stop at 5|stop 5 is ours|end to end|no more|no more problems|"
    "they told me you never call me back|I told you they never call us back|I never told you do not call me|"
    "they do not call me when they promise|do not leave me alone|I never opted out|i haven't unsubscribed|they do not text|不要烦恼|回访很好|不需要调查很久|别发错货|不要打折"
)
BOTH: dict[str, dict[tuple[SuppressionScope, ...], str]] = {
    "attitude": {
        MESSAGES: "不满意，别再发了=2|5, STOP=5|5，退订=5|不满意。退订=2|very bad, stop texting me=1|5 STOP=5|STOP 5=5|stop, 5=5|5. Stop.=5|退订！5分=5|5退订=5|"
        "2 别再发了=2|四分 退订=4|5 please stop=5|谢谢，5，退订=5|5, stop, thanks=5|TD 3=3|3 stars STOP=3|很满意 退订=5",
        EVERYTHING: "2, don't contact me again=2|1 stop calling me=1|很差，别打了=1|stopall, 5=5|5, leave me alone=5",
    },
    "solved": {
        MESSAGES: "no, stop sending me messages=no|No. Stop!=no|解决了，退订=yes|yes stop=yes|N, TD=no|没有 别再发了=no|no stop texting me=no",
        EVERYTHING: "不，不要再给我打电话=no|没有，请不要再联系我=no|yes, and please do not call me again=yes",
    },
}
BOTH_TABLE = [
    (name, *pair.rsplit("=", 1), scopes)
    for name, by_scope in BOTH.items()
    for scopes, pairs in by_scope.items()
    for pair in pairs.split("|")
]


@pytest.mark.parametrize("text", STOPS.split("|"))
@pytest.mark.parametrize("answers", [True, False])
def test_the_family_always_stops(text: str, answers: bool) -> None:
    found = meaning(text, answers=answers)
    assert found is not None
    assert (found.wish, found.rule) == (Wish.STOP, "word")
    assert found.scopes == (EVERYTHING if "all" in text.casefold() else MESSAGES)


@pytest.mark.parametrize("text", ["T", "t", "R", "N", "n", "Ｎ", "取消", "拒收", "回复T", "回N"])
def test_short_words_stop_unless_they_answer(text: str) -> None:
    assert meaning(text, answers=False) == Meaning(Wish.STOP, MESSAGES, "word")
    assert meaning(text, answers=True) is None


def test_n_answers_a_yes_or_no_question_and_stops_after_any_other() -> None:
    for name, stops in (("solved", False), ("attitude", True), ("recommend", True)):
        answers = read(question(name), "N").kind is Kind.VALUE
        assert (meaning("N", answers=answers) is not None) is stops, name


@pytest.mark.parametrize(
    ("scopes", "text"), [(scopes, text) for scopes, texts in SENTENCES.items() for text in texts.split("|")]
)
def test_sentences_that_mean_it(scopes: tuple[object, ...], text: str) -> None:
    for answers in (True, False):
        assert meaning(text, answers=answers) == Meaning(Wish.STOP, scopes, "sentence")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", NOT_STOPS.split("|"))
@pytest.mark.parametrize("answers", [True, False])
def test_sentences_that_do_not(text: str, answers: bool) -> None:
    assert meaning(text, answers=answers) is None


@pytest.mark.parametrize(
    "text",
    [
        *("不需要回访", "不需要电话回访", "不要回访了", "不要回访", "不需要调查", "do not call me back"),
        *("不，不需要回访", "没有，不要回访了", "no, don't call me back"),
    ],
)
def test_no_to_a_call_is_an_answer_when_that_was_asked(text: str) -> None:
    assert meaning(text, answers=True) is None
    found = meaning(text, answers=False)
    assert found is not None
    assert found.wish is Wish.STOP


@pytest.mark.parametrize(
    "text", ["不需要回访", "不需要电话回访", "不要回访了", "no, don't call me back", "Do not call me back."]
)
def test_shall_we_call_you(text: str) -> None:
    """As the inbox asks: first whether it answers. To what was done it says nothing, and then it is a wish."""
    shall_we = replace(question("solved"), name="call", role=None)
    assert read(shall_we, text) == Reply(Kind.VALUE, False)
    assert meaning(text, answers=True) is None
    assert (read(question("solved"), text).kind is Kind.VALUE) is text.startswith("no,")


def _as_said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(("name", "text", "value", "scopes"), BOTH_TABLE)
@pytest.mark.parametrize("answers", [True, False])
def test_an_answer_and_a_stop_are_both(
    name: str, text: str, value: str, scopes: tuple[SuppressionScope, ...], answers: bool
) -> None:
    found = meaning(text, answers=answers)
    assert found is not None
    assert (found.wish, found.scopes) == (Wish.STOP, scopes)
    reply = read(question(name), found.rest)
    assert (reply.kind, _as_said(reply.value)) == (Kind.VALUE, value)


@pytest.mark.parametrize("text", ["STOP", "退订", "别再发了", "please stop texting me", "STOP, thanks", "谢谢，退订"])
def test_a_stop_alone_leaves_nothing_to_answer(text: str) -> None:
    found = meaning(text, answers=False)
    assert found is not None
    assert found.rest == ""


@given(
    st.sampled_from(["1", "2", "5", "５", "五", "5分", "很满意", "不满意", "very good", "not satisfied"]),
    st.sampled_from(
        [*sorted(ALWAYS), "别再发了", "请不要再给我发短信", "stop texting me", "don't contact me again", "别烦我"]
    ),
    st.sampled_from(
        ["{answer}, {stop}", "{answer}。{stop}", "{answer}!{stop}", "{stop}，{answer}", "谢谢。{answer}；{stop}"]
    ),
    st.booleans(),
)
def test_no_answer_hides_a_stop_and_no_stop_an_answer(answer: str, stop: str, form: str, answers: bool) -> None:
    found = meaning(form.format(answer=answer, stop=stop), answers=answers)
    assert found is not None
    assert found.wish is Wish.STOP
    assert read(question("attitude"), found.rest) == read(question("attitude"), answer)


@pytest.mark.parametrize("text", ["START", "start", "unstop", "恢复订阅", "恢复", "请恢复订阅", "START please"])
def test_taking_it_up_again(text: str) -> None:
    assert meaning(text, answers=False) == Meaning(Wish.START, rule="word")


@pytest.mark.parametrize("text", ["HELP", "info", "帮助", "who is this?", "你是谁？"])
def test_asking_who_writes(text: str) -> None:
    assert meaning(text, answers=False) == Meaning(Wish.HELP, rule="word")


@given(
    st.sampled_from(sorted(ALWAYS)),
    st.sampled_from(["{}", " {} ", "{}!", "{}。", "“{}”", "请{}", "{} please"]),
    st.booleans(),
)
def test_no_dress_hides_a_stop(word: str, dress: str, answers: bool) -> None:
    for said in (word, word.upper(), word.title()):
        found = meaning(dress.format(said), answers=answers)
        assert found is not None
        assert found.wish is Wish.STOP


@given(st.text(alphabet="不很非常满意一二三四五12345分", max_size=8))
def test_no_rating_is_a_stop(text: str) -> None:
    assert meaning(text, answers=False) is None


def test_no_word_is_in_two_lists() -> None:
    assert not ALWAYS & UNLESS_ANSWER


@pytest.mark.parametrize("filler", ["了", "请", "谢谢", "please ", "回复"])
def test_a_message_of_nothing_but_politeness_is_read_at_once(filler: str) -> None:
    """Whoever reads it holds what others wait for; such a message took minutes."""
    began = process_time()
    assert meaning((filler * 3000)[:3000], answers=False) is None
    assert process_time() - began < 1


def test_politeness_on_both_sides_hides_no_stop() -> None:
    assert meaning("请" * 40 + "停止" + "谢谢" * 40, answers=False) == Meaning(Wish.STOP, MESSAGES, "word")
