"""The ledgers: what left, what did not and why, who is not to be contacted, and when people answer."""

from pathlib import Path
from typing import Literal

from sqlalchemy import select

from callback.db import contact_rates as counts
from callback.db import decisions
from callback.db.tables import Case, ContactTrial, Customer, Send, Suppression
from callback.domain.contact import Cell, Tally
from callback.domain.words import Channel, ContactKind, PartOfDay, SendState, SuppressionScope
from callback.services import sandbox
from callback.services.suppressions import suppress
from callback.texts import say
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look
from tests.browser.worker import work

Lang = Literal["en", "zh"]


@BOTH
@WIDTHS
def test_what_left_and_what_became_of_it(site: Site, look: Look, language: Lang, width: int) -> None:
    house = site.house
    for channel in (Channel.SMS, Channel.EMAIL, Channel.SMS):
        with house.sessions.begin() as session:
            way = house.channels[channel]
            sandbox.invite(session, way=way, settings=house.settings, language=language, by=1, now=site.clock())
    work(house)
    with house.sessions.begin() as session:
        send = session.scalars(select(Send).where(Send.channel == Channel.SMS).order_by(Send.id.desc())).first()
        assert send is not None
        send.state, send.provider_status, send.error_code = SendState.FAILED, "undelivered", "30007"
    page = site.open("/sends", login="zhou", language=language, width=width)
    look(page, "sends")
    page.get_by_label(say("sends_desk.state", language)).select_option("failed")
    page.get_by_role("button", name=say("sending_desk.filter", language)).click()
    page.locator("tbody a").first.click()
    page.get_by_text(say("failure.todo.filtered", language)).wait_for()
    look(page, "send")


@BOTH
@WIDTHS
def test_why_something_was_not_sent(site: Site, look: Look, language: Lang, width: int) -> None:
    with site.house.sessions.begin() as session:
        case = session.scalars(select(Case).order_by(Case.id).limit(1)).one()
        for rule in ("outside_window", "no_room_in_window", "outside_window"):
            decisions.record(
                session, now=site.clock(), case_id=case.id, about="channel", rule=rule, verdict="not_sent",
                inputs={"channel": "sms", "not_before": "2026-03-11T14:00:00+08:00"},
            )  # fmt: skip
    page = site.open("/unsent", login="zhou", language=language, width=width)
    look(page, "unsent")
    page.locator(".reasons").get_by_text(say("unsent.no_room_in_window", language)).click()
    page.get_by_text(say("unsent.todo.no_room_in_window", language)).wait_for()
    assert page.locator("tbody tr").count() == 1
    with page.expect_download() as download:
        page.get_by_role("link", name=say("unsent_desk.export", language)).click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert say("unsent.no_room_in_window", language) in text


@BOTH
@WIDTHS
def test_a_list_is_looked_at_then_kept_and_one_entry_taken_back(
    site: Site, look: Look, language: Lang, width: int, tmp_path: Path
) -> None:
    with site.house.sessions.begin() as session:
        customer = session.scalars(select(Customer).order_by(Customer.id).limit(1)).one()
        suppress(
            session, scope=SuppressionScope.SURVEY, reason="opt_out_sentence", customer_id=customer.id,
            evidence={"words": "以后别再给我发问卷了 <b>"}, now=site.clock(),
        )  # fmt: skip
    path = tmp_path / "list.csv"
    path.write_text("phone,reason\n+8613812345678,=1+1\nabc,\n+8613812345678,\n13987654321,投诉\n", encoding="utf-8")
    page = site.open("/suppressions/import", login="zhou", language=language, width=width)
    page.get_by_label(say("suppressions_desk.file", language)).set_input_files(path)
    page.get_by_role("button", name=say("suppressions_desk.look", language)).click()
    page.get_by_role("heading", name=say("suppressions_desk.look_title", language)).wait_for()
    look(page, "suppressions-import")
    page.get_by_role("button", name=say("suppressions_desk.import_go", language, count="2")).dblclick()
    page.get_by_text(say("suppressions_desk.imported", language)).first.wait_for()
    page.goto(site.url + "/suppressions")
    look(page, "suppressions")
    entry = page.locator("li").filter(has_text="=1+1")
    entry.get_by_text(say("suppressions_desk.lift", language)).click()
    entry.get_by_label(say("suppressions_desk.lift_words", language)).fill("called and asked for it")
    entry.get_by_role("button", name=say("suppressions_desk.lift_go", language)).click()
    page.get_by_text(say("suppressions_desk.lifted", language)).wait_for()
    with site.house.sessions() as session:
        kept = session.scalars(select(Suppression).where(Suppression.reason == "do_not_call_list")).all()
    assert sorted(one.lifted_at is None for one in kept) == [False, True]


@BOTH
@WIDTHS
def test_when_people_answer(site: Site, look: Look, language: Lang, width: int) -> None:
    page = site.open("/learning", login="zhou", language=language, width=width)
    page.get_by_text(say("learning_desk.evidence.none_yet", language), exact=True).wait_for()
    page.get_by_text(say("learning_desk.nothing_yet", language)).wait_for()
    with site.house.sessions.begin() as session:
        counts.add_counts(
            session,
            {
                Cell(kind, part, day): Tally(900, 60 + 12 * place + (40 if part is PartOfDay.EVENING else 0))
                for kind in (ContactKind.MOBILE, ContactKind.LANDLINE)
                for part in PartOfDay
                for place, day in enumerate(range(7))
            },
        )
        for number, customer_id in enumerate(session.scalars(select(Customer.id).order_by(Customer.id).limit(200))):
            arm = "holdout" if number % 2 else "learned"
            figures = {f"{arm}_tried": 40, f"{arm}_reached": 3 if number % 2 else 8}
            session.add(ContactTrial(customer_id=customer_id, **figures))
    page.reload()
    page.get_by_text(say("learning_desk.evidence.helps", language), exact=True).wait_for()
    look(page, "learning")
