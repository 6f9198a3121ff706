"""Replies that a person reads: in context, taken as an answer, and two people on one of them."""

from typing import Literal

from callback.domain.words import ResponseState
from callback.services import replies
from callback.texts import say
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look
from tests.integration.surveyed import CENTRE, Surveyed, survey
from tests.integration.surveyed import look as seen

Lang = Literal["en", "zh"]


def _write(site: Site, *texts: str) -> Surveyed:
    under_way = survey(site.house.sessions, site.clock(), name="<b>Ann</b>", opened=True)
    for number, text in enumerate(texts):
        with site.house.sessions.begin() as session:
            received = replies.receive(
                session, from_address=under_way.phone, to_address=CENTRE, text=text, provider_id=f"SM{number}",
                now=site.clock.advance(minutes=1), settings=site.house.settings,
            )  # fmt: skip
            replies.say_back(session, received, address=under_way.phone, now=site.clock())
    return under_way


@BOTH
@WIDTHS
def test_a_reply_is_taken_as_an_answer(site: Site, look: Look, language: Lang, width: int) -> None:
    under_way = _write(site, "well, sort of", "the second engineer did it", "Danke <script>alert(1)</script>")
    page = site.open("/messages", login="zhou", language=language, width=width)
    look(page, "messages")
    page.get_by_text("the second engineer did it").click()
    page.get_by_role("heading", name=say("messages_desk.answer_title", language)).wait_for()
    look(page, "message")
    page.keyboard.press("2")  # not solved
    page.get_by_text(say("messages_desk.answered_unhappy", language)).wait_for()
    found = seen(site.house.sessions, under_way)
    assert (found.answers["solved"], found.said["solved"]) == (False, "the second engineer did it")
    assert len(found.flags) == 1
    assert found.response is not None
    assert found.response.state is ResponseState.OPEN


def test_two_people_on_one_message_and_undo(site: Site) -> None:
    _write(site, "hm", "hm hm")
    first = site.open("/messages", login="zhou")
    first.get_by_text("hm hm").click()
    second = site.open("/messages", login="admin")
    second.get_by_text("hm hm").click()
    first.get_by_role("button", name="Read and done").click()
    first.get_by_text("Read and done.", exact=True).wait_for()
    site.forgiven = ("409",)
    second.get_by_role("button", name="Have the customer called").click()
    second.get_by_text("周岚 has dealt with this message already").wait_for()
    first.get_by_role("button", name="Undo").click()
    first.get_by_text("It waits to be read again.").wait_for()
    second.get_by_role("button", name="Have the customer called").click()
    second.get_by_text("Somebody calls within a day.").wait_for()
