"""The call, in a real browser: with the keyboard alone, through reloads, lost networks and second windows."""

import re
from datetime import timedelta
from typing import Literal

from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from callback.db.tables import Attempt, Callback, Customer
from callback.domain.words import CallbackState, Disposition, Purpose
from callback.services import attempts, callbacks
from callback.services.samples import PASSWORD
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


def begin(site: Site, *, login: str = "limin", purpose: Purpose = Purpose.ANSWER) -> str:
    """The first call of this kind on the agent's list, begun; its address."""
    agent_id = site.agent(login).id
    with site.house.sessions.begin() as session:
        today = callbacks.todays_list(session, agent_id=agent_id, now=site.clock(), zone=site.house.zone, limit=200)
        handle = next(e.handle for e in today.entries if e.purpose is purpose and e.waits_until is None)
        call = attempts.start(session, handle=handle, agent_id=agent_id, now=site.clock(), settings=site.house.settings)
    return f"/calls/{call.attempt}"


_NO_TELEPHONE = """() => document.addEventListener("click", (event) => {
  if (event.target.closest("a[href^='tel:']")) event.preventDefault();
})"""
"""A browser without windows takes no more keys once it has asked which program dials; a real one shows its question."""


def press(page: Page, *keys: str) -> None:
    """Each key, and wait until the page has taken in what the server says to it."""
    for key in keys:
        with page.expect_response(lambda response: "/calls/" in response.url):
            page.keyboard.press(key)
        settled(page)


def settled(page: Page) -> None:
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


@BOTH
@WIDTHS
def test_looks(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    page = site.open(begin(site), login="limin", language=language, width=width)
    page.locator(".reply").first.wait_for(state="attached")
    look(page, "call-prepare", picture=False)
    press(page, "1", "1", "1", "1")
    page.keyboard.press("t")
    look(page, "call")
    press(page, "1", "1", "1", "1", "1")
    press(page, "1", "1", "5", "5")
    look(page, "call-nps")
    press(page, "x")
    press(page, "Enter", "1")
    look(page, "call-close")
    page.keyboard.press("Enter")
    page.locator(".call-result").wait_for()
    look(page, "call-result")


@BOTH
@WIDTHS
def test_an_appointment(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    page = site.open(begin(site), login="limin", language=language, width=width)
    press(page, "1", "1", "1", "2", "1")
    page.locator(".time input:visible").first.wait_for()
    look(page, "call-appointment")


def attempt_of(site: Site, page: Page) -> Attempt:
    handle = page.url.rsplit("/", 1)[-1]
    with site.house.sessions() as session:
        attempt = session.scalars(select(Attempt).where(Attempt.handle == handle)).one()
        session.get_one(Customer, attempt.customer_id)
        session.refresh(attempt, ["callback"])
        return attempt


def test_a_whole_call_without_the_mouse_in_twenty_keys(site: Site) -> None:
    """Open, identity, the script, six answers, close: every key is counted."""
    with site.house.sessions.begin() as session:  # an answer to be told is what comes first today
        first = update(Callback).where(Callback.agent_id == site.agent("limin").id, Callback.purpose == Purpose.ANSWER)
        session.execute(first.values(planned_at=site.clock() - timedelta(hours=20)))
    page = site.open("/day", login="limin", language="zh")
    pressed = []

    def key(name: str, waits: bool = True) -> None:
        pressed.append(name)
        if waits:
            press(page, name)
        else:
            page.keyboard.press(name)

    key("Enter", waits=False)
    page.wait_for_url("**/calls/*")
    for (
        name
    ) in "111111111":  # answered, the person, introduced, a good time, told, clear, accepted, no new need, questions
        key(name)
    for name in ("1", "1", "5", "5"):
        key(name)
    expect(page.locator("[data-ten]")).to_be_visible()
    key("1", waits=False)
    key("0")  # ten, as one types it
    expect(page.locator("textarea[name=text]")).to_be_focused()
    key("Enter")  # nothing to improve
    key("1")  # all answered
    key("Enter", waits=False)
    page.locator(".call-result").wait_for()
    assert len(pressed) <= 20, pressed
    attempt = attempt_of(site, page)
    assert attempt.disposition is Disposition.COMPLETED
    assert attempt.callback.state is CallbackState.DONE
    with site.house.sessions() as session:
        response = attempts.asking(session, session.get_one(Attempt, attempt.id))
        assert response is not None
        assert {one.question.name: one.value for one in response.given}["recommend"] == 10
    page.go_back()
    page.wait_for_url("**/day")
    page.go_forward()
    page.locator(".call-result").wait_for()


def test_nothing_typed_is_lost(site: Site) -> None:
    """The page is killed, the network is lost, the page is loaded again."""
    address = begin(site)
    page = site.open(address, login="limin")
    site.forgiven = ("ERR_INTERNET_DISCONNECTED", "Send Error", "net::")
    press(page, "1", "1", "1", "1", "1", "1", "1")
    page.keyboard.press("3")  # a new need, with its field
    page.keyboard.type("wants a second line")
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    page.keyboard.press("n")
    page.keyboard.type("Calls from work. 3 and 4 are no keys here.")
    expect(page.locator("#notes-status")).to_contain_text("Kept in this browser")
    context = page.context
    page.close()  # killed
    context.set_offline(False)
    page = context.new_page()
    page.goto(site.url + address)
    expect(page.locator("#notes")).to_have_value("Calls from work. 3 and 4 are no keys here.")
    expect(page.locator("#notes-status")).to_have_text("Saved")
    assert attempt_of(site, page).notes == "Calls from work. 3 and 4 are no keys here."
    need = page.locator("textarea[name='field.need']:visible")
    expect(need).to_have_value("wants a second line")
    need.press("Enter")
    expect(page.locator("#say")).to_contain_text("We will look into it")
    # A paste that is too long: a word, and all of it stays.
    page.locator("#notes").fill("x" * 100_000)
    expect(page.locator("#notes-status")).to_contain_text("100000 characters; 10000 at most")
    page.reload()
    expect(page.locator("#notes")).to_have_value("x" * 100_000)
    page.keyboard.press("f")
    page.locator("#close-form select[name=outcome]").select_option("break_off")
    page.locator("#close-form button.btn-primary").click()
    expect(page.locator("#notes")).to_be_focused()
    page.locator("#notes").fill("short")
    page.locator("#close-form button.btn-primary").click()
    page.locator(".call-result").wait_for()
    assert attempt_of(site, page).notes == "short"


def test_two_windows_a_double_click_and_a_session_that_ends(site: Site) -> None:
    address = begin(site)
    first = site.open(address, login="limin")
    second = site.open(address, login="limin")
    first.locator(".answer").first.dblclick()  # one step, not two
    expect(first.locator("#say")).to_contain_text("Am I speaking with")
    settled(first)
    assert len((attempt_of(site, first).script_state or {})["walk"]["trail"]) == 1
    press(second, "2")  # "no answer", which is not true any more
    expect(second.locator(".notice")).to_contain_text("another window")
    expect(second.locator("#say")).to_contain_text("Am I speaking with")
    first.locator("#notes").fill("from the first")
    expect(first.locator("#notes-status")).to_have_text("Saved")
    second.locator("#notes").fill("from the second")
    expect(second.locator("#notes-status")).to_contain_text("both texts are kept")
    assert attempt_of(site, first).notes == "from the first\nfrom the second"
    site.clock.advance(hours=13)
    site.forgiven = ("401",)
    first.keyboard.press("Escape")  # out of the notes
    first.keyboard.press("1")
    first.get_by_label("Password of 李敏").fill(PASSWORD)
    first.keyboard.press("Enter")
    expect(first.locator("#say")).to_contain_text("My agent number")  # the step went through by itself


def test_clock_pause_marks_and_quick_replies(site: Site) -> None:
    with site.house.sessions.begin() as session:
        for customer in session.scalars(select(Customer)):
            customer.name, customer.salutation = "<b>王</b> & Co", None
    page = site.open(begin(site), login="limin", language="en")
    expect(page.locator("h1")).to_have_text("<b>王</b> & Co")
    number = page.locator(".call-number .num").inner_text()
    assert "*" in number
    page.evaluate(_NO_TELEPHONE)
    press(page, "d")
    expect(page.locator("#dialling a")).to_have_text(re.compile(r"\+\d{8,}"))
    press(page, "1", "1")
    expect(page.locator("#dialling a")).to_have_count(0)
    site.clock.advance(minutes=3, seconds=5)
    page.reload()
    expect(page.locator(".call-clock .is-amber")).to_be_visible()
    expect(page.locator("#call-live")).to_have_text("Three minutes. Come to the point soon.")
    press(page, "p")
    expect(page.locator("#notes")).to_be_focused()
    page.keyboard.type("12345")
    press(page, "Control+Enter")
    expect(page.locator(".call-paused")).to_have_count(0)
    expect(page.locator("#call-live")).to_contain_text("My agent number")
    page.locator("select[name=severity]").select_option("major")
    expect(page.locator(".notice").first).to_contain_text("second call")
    page.keyboard.press("Escape")
    page.keyboard.press("q")
    with page.expect_response(lambda response: "q=serial" in response.url):
        page.keyboard.type("serial")
    expect(page.locator(".reply img")).to_have_count(1)  # the list is swapped a moment after the answer
    expect(page.locator(".reply img")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#notes")).to_have_value(re.compile("12345\n.*S/N", re.DOTALL))
    expect(page.locator("#notes-status")).to_have_text("Saved")


def test_an_appointment_with_the_keyboard(site: Site) -> None:
    page = site.open(begin(site), login="limin")
    press(page, "1", "1", "1", "2", "1")
    expect(page.locator("input[data-day]:checked")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    while not str(page.evaluate("() => document.activeElement.name ?? ''")).startswith("field."):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    press(page, "Enter")
    expect(page.locator("#close-form")).to_contain_text("Appointment:")
    page.keyboard.press("Enter")
    expect(page.locator(".call-follows")).to_contain_text("Appointment: the customer is called at")
    assert attempt_of(site, page).callback.state is CallbackState.WAITING
