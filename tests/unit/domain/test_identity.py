"""Who is there, as people say it, in both languages; nobody is confirmed on a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.identity import Who, is_stranger, who

NAMES = ("Mei Wang", "王芳", "王女士", None)
SAID: dict[Who | None, str] = {
    Who.PERSON: "Yes, I am.|Yes, speaking.|Yes, this is he.|It's me.|This is she.|Yeah, that's me|Correct.|yes|1|yes this is mei wang|"
    "Mei Wang speaking|This is Mrs. Mei Wang.|yes how can I help you|Yes, what is this about?|Yes. Go ahead.|yeah sure|Hello, yes|"
    "对，是我|我是|我是王芳|我就是王女士|对对对|嗯，是的|哎，我是|是的|是啊|对是我|嗯对|是的是的|对，什么事|是的你说",
    Who.SOMEBODY_ELSE: "No.|no|nope|2|No, it isn't|he's not here|I'm not Mei Wang|This is her husband|No. This is not her.|sorry no|"
    "不是|不是我|她不在|我不是王芳|不是王女士|我是王芳的老婆|there is no Mei Wang here",
    Who.WRONG_ADDRESS: "wrong number|No, sorry wrong number.|I'm afraid you have the wrong number|you have the wrong person|打错了|你打错了|"
    "对不起，打错了|不，打错了|不是的，打错电话了|没有这个人|yes, wrong number",
    None: "No problem, go ahead.|Hello?|what|go ahead|This is John|yes, but who is this|Yes, this is his wife|yes and no|No, I am|"
    "yes this is not her|Yes he is not here|好的|喂|你好，哪位|是不是|是的吗|是谁啊|是的，我是他爱人|对你们太失望了|我是李四|王芳|我是你爸||…",
}


@pytest.mark.parametrize(
    ("expected", "text"), [(one, text) for one, texts in SAID.items() for text in texts.split("|")]
)
def test_who_is_there(expected: Who | None, text: str) -> None:
    assert who(text, names=NAMES) is expected


STRANGERS = (
    "wrong number|No, wrong number|sorry, wrong number|you've got the wrong number, mate|打错了|电话打错了|我不是王先生|我不是王芳|I'm not Mr. Wang|"
    "not me|我不是本人|没有这个人|你们发错人了|This isn't his number|不是王先生的手机|我不是你们的客户"
)
ANSWERS = (
    "no|不是|不对|5|not yet|我不是很满意|我不是不满意|I'm not satisfied|this is not good|it's not fixed|wrong|错了|wrong part delivered|他不在|"
    "这不是我要的|it's not a good service|不满意|N|没有|yes"
)


@pytest.mark.parametrize("text", STRANGERS.split("|"))
def test_whoever_writes_that_they_are_not_the_person(text: str) -> None:
    assert is_stranger(text, names=NAMES)


@pytest.mark.parametrize("text", ANSWERS.split("|"))
def test_an_answer_is_no_stranger(text: str) -> None:
    assert not is_stranger(text, names=NAMES)


@given(
    st.lists(st.sampled_from(["yes", "speaking", "是的", "我是王芳", "hello", "嗯"]), max_size=3),
    st.sampled_from(["no", "wrong number", "不是", "打错了", "not me", "she is not here"]),
    st.lists(st.sampled_from(["yes", "是的", "sorry", "this is she"]), max_size=2),
)
def test_no_denial_is_ever_a_confirmation(before: list[str], denial: str, after: list[str]) -> None:
    assert who(", ".join([*before, denial, *after]), names=NAMES) is not Who.PERSON


@given(st.text(max_size=40))
def test_any_text_is_read(text: str) -> None:
    assert who(text) in {*Who, None}
