"""Campaigns: made with a look at who would be in, watched, stopped and resumed at once."""

from typing import Literal

from playwright.sync_api import expect
from sqlalchemy import select

from callback.db.tables import Callback, Campaign, Send
from callback.domain.words import Channel, SendState
from callback.services import campaigns, sandbox
from callback.texts import say
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look
from tests.browser.worker import work

Lang = Literal["en", "zh"]
ANSWERS = ("5", "1", "1", "1", "5", "5", "10", "nothing")


def _centre_at_work(site: Site) -> None:
    """Eleven invented customers; most are asked, some answer, one telephone is off, one campaign goes on."""
    house, now = site.house, site.clock
    for _ in range(11):
        with house.sessions.begin() as session:
            sandbox.invite(
                session, way=house.channels[Channel.SMS], settings=house.settings, language="en", by=1, now=now()
            )
    work(house)
    with house.sessions.begin() as session:
        handles = list(session.scalars(select(Send.handle).where(Send.channel == Channel.SMS).order_by(Send.id)))
        mine = session.scalars(select(Send).where(Send.handle.in_(handles)).order_by(Send.id)).all()
        made = campaigns.create(session, name="Spring <b>survey</b>", criteria=campaigns.Criteria(), by=1, now=now())
        for send in mine:
            session.get_one(Callback, send.callback_id).campaign_id = made.id
        for send in mine[:2]:
            send.state, send.provider_status, send.error_code = SendState.FAILED, "undelivered", "30003"
            send.ended_at = now()
    for number, handle in enumerate(handles[2:8]):
        site.clock.advance(minutes=2)
        for said in ANSWERS[: 1 + number] if number else ("2", "2", "1"):
            with house.sessions.begin() as session:
                sandbox.write(session, handle=handle, text=said, settings=house.settings, now=now())


@BOTH
@WIDTHS
def test_watched_paused_and_resumed(site: Site, look: Look, language: Lang, width: int) -> None:
    _centre_at_work(site)
    page = site.open("/campaigns", login="zhou", language=language, width=width)
    look(page, "campaigns")
    page.get_by_text("Spring <b>survey</b>").click()
    page.get_by_role("button", name=say("campaigns_desk.pause", language)).dblclick()
    page.get_by_text(say("campaigns_desk.paused", language)).wait_for()
    page.get_by_role("button", name=say("campaigns_desk.resume", language)).click()
    page.get_by_text(say("campaigns_desk.resumed", language)).wait_for()
    page.get_by_role("button", name=say("campaigns_desk.pause", language)).wait_for()
    look(page, "campaign")


@BOTH
def test_made_with_a_look_at_who_would_be_in(site: Site, look: Look, language: Lang) -> None:
    page = site.open("/campaigns/new", login="zhou", language=language)
    count = page.locator("#preview strong").first
    assert count.inner_text() == "12"
    page.get_by_label(say("campaigns_desk.channel", language)).select_option("voice")
    expect(count).to_have_text("4")
    page.get_by_label(say("campaigns_desk.name", language)).fill("电话")
    look(page, "campaign-new")
    page.get_by_role("button", name=say("campaigns_desk.create", language)).dblclick()
    page.get_by_role("heading", name="电话").wait_for()
    with site.house.sessions() as session:
        assert len(session.scalars(select(Campaign)).all()) == 1


def test_two_people_and_a_cancelled_one(site: Site) -> None:
    with site.house.sessions.begin() as session:
        made = campaigns.create(session, name="All", criteria=campaigns.Criteria(), by=1, now=site.clock()).id
    first, second = (site.open(f"/campaigns/{made}", login=login) for login in ("zhou", "admin"))
    first.get_by_role("button", name="Pause").click()
    first.get_by_role("button", name="Resume").click()
    first.get_by_role("button", name="Pause").wait_for()
    site.forgiven = ("409",)
    second.get_by_role("button", name="Pause").click()
    second.get_by_text("was changed by somebody else in the meantime").wait_for()
    second.reload()
    second.get_by_role("button", name="Cancel").click()
    second.get_by_role("button", name="Cancel it for good").click()
    second.get_by_text("Cancelled for good.").wait_for()
    first.get_by_role("button", name="Pause").click()
    first.get_by_text("was cancelled and cannot go on").wait_for()
    assert work(site.house) == 0
    with site.house.sessions() as session:
        assert session.scalars(select(Send).where(Send.state != SendState.WITHDRAWN)).all() == []
