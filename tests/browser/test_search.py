"""A customer calls back: found, confirmed, helped; in a real browser."""

from typing import Literal

from playwright.sync_api import expect
from sqlalchemy import select

from callback.db.tables import Callback, Customer
from callback.domain.words import CallbackState, Channel, Purpose
from tests.browser.conftest import BOTH, DESKTOP, WIDTHS, Site
from tests.browser.looking import Look


def _waiting_for(site: Site, agent: str, language: str) -> tuple[int, str, str]:
    """(customer, name, callback) of somebody on this agent's list who speaks the language."""
    owner = site.agent(agent).id
    with site.house.sessions() as session:
        found = session.execute(
            select(Customer.id, Customer.name, Callback.handle)
            .join(Callback, Callback.customer_id == Customer.id)
            .where(Callback.agent_id == owner, Callback.state == CallbackState.ASSIGNED)
            .where(Callback.channel == Channel.AGENT, Callback.purpose == Purpose.ANSWER)
            .where(Customer.language == language)
            .order_by(Callback.planned_at)
            .limit(1)
        ).one()
    return found.id, str(found.name), found.handle


@BOTH
@WIDTHS
def test_from_the_name_to_the_case(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    english = language == "en"
    _, name, handle = _waiting_for(site, "limin", language)
    page = site.open("/day" if width == DESKTOP else "/search", login="limin", language=language, width=width)
    if width == DESKTOP:
        page.keyboard.press("/")
        page.wait_for_url("**/search")
    page.locator("#q").fill(name[:3] if english else name[:1])
    page.locator("#found .person").filter(has_text=name).first.wait_for()
    look(page, "search")
    page.locator("#q").fill(name)
    page.locator("#found .person").filter(has_text=name).first.click()
    page.get_by_role("button", name="Confirmed" if english else "身份已核实").wait_for()
    look(page, "search-confirm")
    page.keyboard.press("1")
    page.wait_for_url("**/incoming/*")
    page.locator(f"#duty-{handle}").wait_for()
    look(page, "incoming")


def test_a_note_and_an_appointment_while_the_customer_is_on_the_line(site: Site) -> None:
    customer, _, handle = _waiting_for(site, "wangqiang", "zh")
    page = site.open(f"/search/{customer}", login="limin")
    page.keyboard.press("1")
    page.wait_for_url("**/incoming/*")
    duty = page.locator(f"#duty-{handle}")
    case = page.locator(".case").filter(has=duty)
    case.get_by_label("What did the customer say?").fill("<b>rang</b> twice")
    page.reload()  # a crash: what was typed is still there
    case.get_by_role("button", name="Save it with the case").click()
    page.get_by_text("Written down.").wait_for()
    case.get_by_text("<b>rang</b> twice").first.wait_for()

    duty.get_by_role("button", name="Call at another time").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("On the customer's clock").fill("2026-03-12T22:30")
    site.forgiven = ("409",)
    dialog.get_by_role("button", name="Save the appointment").click()
    dialog.get_by_role("alert").get_by_text("The next legal moment is").wait_for()
    dialog.get_by_label("On the customer's clock").fill("2026-03-12T15:00")
    dialog.get_by_role("button", name="Save the appointment").click()
    page.get_by_text("We call at that time.").wait_for()
    duty.get_by_text("appointment tomorrow 15:00").wait_for()


@BOTH
@WIDTHS
def test_another_matter_with_the_keyboard(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    customer, _, _ = _waiting_for(site, "limin", language)
    page = site.open(f"/search/{customer}", login="limin", language=language, width=width)
    page.keyboard.press("1")
    page.wait_for_url("**/incoming/*")
    page.keyboard.press("n")
    page.locator("#need textarea:focus").fill("<b>A second key</b>")
    look(page, "incoming-need", picture=False)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("The case is open" if language == "en" else "已为组长建立跟进个案。").wait_for()
    page.get_by_role("heading", name="<b>A second key</b>").wait_for()
    assert page.evaluate("JSON.stringify(localStorage)") == "{}"


def test_what_was_typed_without_a_network_is_looked_for_once_it_is_back(site: Site) -> None:
    """The people of an earlier search stood below the new name, and nothing said so."""
    page = site.open("/search", login="limin")
    site.forgiven = ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest")
    page.locator("#q").fill("王")
    expect(page.locator("#found .person").first).to_be_visible()
    page.context.set_offline(True)
    page.locator("#q").fill("Nobody Of That Name")
    expect(page.locator("#offline")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("#found .person")).to_have_count(0)
