"""One questionnaire on every channel: what it looks and sounds like, and what is refused before it is saved."""

import json
import xml.etree.ElementTree as ET
from decimal import Decimal
from typing import Any

import pytest

from callback.domain import rendering
from callback.domain.sms import segments
from callback.domain.survey import Form, Question, parse_definition
from callback.errors import Invalid
from callback.services import questionnaires, renderings
from callback.services.contents import shipped
from callback.services.links import has_link
from callback.settings import Settings
from callback.texts import LANGUAGES, Language

DOCUMENT: dict[str, Any] = next(document for _, document in shipped("questionnaires"))["questionnaire"]
DEFINITION = parse_definition(DOCUMENT)
SETTINGS = Settings(company="Blue Sky", public_url="https://blue.example/")


def question(name: str) -> Question:
    found = DEFINITION.question(name)
    assert found is not None
    return found


def changed(name: str, **members: Any) -> dict[str, Any]:
    """The shipped questionnaire with one question changed."""
    copy: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    for page in copy["pages"]:
        for element in page["elements"]:
            if element["name"] == name:
                element.update(members)
    return copy


def faults(document: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        questionnaires.check(document)
    found = refused.value.details["problems"]
    assert isinstance(found, list)
    for problem in found:
        assert not problem["en"].startswith("content.")
        assert problem["en"] != problem["zh"]
    return [(problem["path"], problem["code"]) for problem in found]


def test_the_shipped_one_is_sound_everywhere() -> None:
    assert questionnaires.check(DOCUMENT) == DEFINITION


def test_at_most_nine_keys() -> None:
    assert ("recommend", "too_many_keys") in faults(changed("recommend", form=["full", "short", "call"]))


def test_no_answer_is_the_key_that_calls_a_person() -> None:
    members = {"role": None, "rateMin": 0, "rateMax": 5, "form": ["call", "full", "short"]}
    document = changed("recommend", **members)
    for page in document["pages"]:
        for element in page["elements"]:
            if element["role"] is None:
                del element["role"]
    assert ("recommend", "key_taken") in faults(document)


def test_a_question_that_takes_too_long_to_say_and_too_much_to_send() -> None:
    long = {"default": "How satisfied are you? " * 12, "zh-cn": "您满意吗" * 70}
    found = faults(changed("attitude", title=long))
    assert ("attitude", "too_long_to_say") in found
    assert ("attitude", "too_many_segments") in found
    assert ("$", "call_too_long") in found


def test_a_link_is_not_for_a_question() -> None:
    for text in ("See https://x.example", "see blue.com now", "WWW.x.org"):
        assert faults(changed("improve", title={"default": text, "zh-cn": "怎么改进"})) == [
            ("improve", "link_in_question")
        ]


def test_a_missing_translation_is_refused() -> None:
    assert ("pages[2].elements[2].title", "translation_missing") in faults(
        changed("improve", title={"default": "What could be better?"})
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_carry_the_name_and_the_way_out(language: Language) -> None:
    texts = [
        renderings.sms_invitation(question("solved"), settings=SETTINGS, language=language),
        renderings.sms_reminder(question("attitude"), settings=SETTINGS, language=language),
        renderings.sms_next(question("recommend"), settings=SETTINGS, language=language),
        renderings.sms_again(question("attitude"), settings=SETTINGS, language=language),
    ]
    for text in texts:
        assert text.startswith("【Blue Sky】" if language == "zh" else "Blue Sky: ")
        assert "退订回TD" in text if language == "zh" else "STOP to opt out" in text
        assert 1 <= segments(text).segments <= rendering.MOST_SEGMENTS
        assert "{" not in text
    assert "1 " in texts[0]
    assert "(0-10)" in texts[2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_only_where_it_may_be(language: Language) -> None:
    link = renderings.survey_link(SETTINGS, "abc")
    assert link == "https://blue.example/s/abc"
    assert link in renderings.sms_invitation(question("solved"), settings=SETTINGS, language=language, link=link)
    assert "http" not in renderings.sms_invitation(question("solved"), settings=SETTINGS, language=language)
    assert (rendering.may_link("CN"), rendering.may_link("US")) == (False, True)


@pytest.mark.parametrize(
    "text",
    [
        "dwz.tax/a1",
        "见 u3v.cc/abc",
        "a.co/1",
        "goo.gl/x",
        "e.vip/1",
        "survey.example.de/x",
        "微信.中国",
        "https://x",
        "请访问example.cn查看",
    ],
)  # fmt: skip
def test_what_a_telephone_makes_a_link_of(text: str) -> None:
    assert has_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "at 3 p.m. today",
        "Mr.Smith called",
        "version 3.14",
        "您满意吗？请回复1-5。谢谢",
        "满意。公司很好",
        "No.1 choice",
    ],
)
def test_what_stays_text(text: str) -> None:
    assert not has_link(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_is_measured_as_it_leaves(language: Language) -> None:
    bare = {(m.question, m.language): m for m in renderings.measure(DEFINITION, Form.SHORT)}
    for sent in renderings.measure(DEFINITION, Form.SHORT, settings=SETTINGS):
        assert SETTINGS.house_names(sent.language)["company"] in sent.message
        assert sent.sms.units > bare[sent.question, sent.language].sms.units
    first = DEFINITION.of_form(Form.SHORT)[0]
    opening = renderings.sms_as_sent(DEFINITION, first, settings=SETTINGS, language=language)
    assert opening == renderings.sms_invitation(first, settings=SETTINGS, language=language)


def test_every_notice_is_there_in_both_languages() -> None:
    for code in (
        "closing",
        "closing_unhappy",
        "left_to_person",
        "opted_out",
        "opted_in",
        "help",
        "nothing_asked",
        "wrong_person",
    ):
        en, zh = (renderings.sms_notice(code, settings=SETTINGS, language=language) for language in ("en", "zh"))
        assert "sms." not in en + zh
        assert en != zh


def test_what_it_costs() -> None:
    found = {(m.question, m.language): m for m in renderings.measure(DEFINITION, Form.SHORT)}
    assert len(found) == 2 * len(DEFINITION.of_form(Form.SHORT))
    measured = found["attitude", "en"]
    assert measured.price(Decimal("0.0079")) == measured.sms.segments * Decimal("0.0079")
    assert measured.price(None) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_spoken_question_names_every_key(language: Language) -> None:
    for asked in DEFINITION.of_form(Form.CALL):
        text = renderings.spoken_question(asked, language)
        for key in rendering.keys(asked):
            assert key.key in text
            assert key.option.wording.said_in(language) in text
        twiml = ET.fromstring(str(renderings.ask(text, action="https://x/?a=1&b=2", language=language)))  # noqa: S314  our own
        (gather,) = twiml
        assert (gather.tag, gather.get("input"), gather.get("action")) == (
            "Gather",
            "dtmf speech",
            "https://x/?a=1&b=2",
        )
        assert gather.get("language") == ("zh-CN" if language == "zh" else "en-US")
        assert gather[0].text == text


def test_the_whole_call_is_within_five_minutes() -> None:
    for language in LANGUAGES:
        asked = [m for m in renderings.measure(DEFINITION, Form.CALL) if m.language == language]
        assert max(m.seconds for m in asked) <= rendering.QUESTION_SECONDS
        worst = sum(rendering.worst_seconds(m.seconds, free_text=m.free_text) for m in asked)
        assert renderings.around_seconds(language) + worst <= 300


def test_the_lint_listens_as_long_as_the_carrier_does() -> None:
    for free_text in (True, False):
        (gather,) = ET.fromstring(  # noqa: S314  our own
            str(renderings.ask("?", action="https://x/", language="en", free_text=free_text))
        )
        listened = rendering.worst_seconds(0, free_text=free_text) - rendering.INPUT_SECONDS
        assert gather.get("maxSpeechTime") == str(listened)
