"""Callbacks are chosen, looked at, given to somebody else and brought back, in a real browser."""

from typing import Literal

from sqlalchemy import select

from callback.db.tables import Callback
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look

Language = Literal["en", "zh"]


def owners(site: Site) -> dict[str, int | None]:
    with site.house.sessions() as session:
        return dict(session.execute(select(Callback.handle, Callback.agent_id)).tuples().all())


@BOTH
@WIDTHS
def test_reassign(site: Site, look: Look, language: Language, width: int) -> None:
    agent = site.agent("limin")
    page = site.open(f"/reassign?agent={agent.id}", login="zhou", language=language, width=width)
    page.locator("#choose input[name=chosen]").first.check()
    look(page, "reassign")
    page.locator("#choose input[data-checks]").check()
    page.locator("#choose-next").click()
    page.locator("#take[open]").wait_for()
    look(page, "reassign-who")
    before = owners(site)
    page.locator("#take [name=reason]").fill("ill" if language == "en" else "请病假")
    page.keyboard.press("Control+Enter")
    page.locator("#take .outcome, #take .stays").first.wait_for()
    look(page, "reassign-preview")
    assert owners(site) == before


def test_a_range_goes_to_a_person_and_comes_back(site: Site, look: Look) -> None:
    limin, wang = site.agent("limin"), site.agent("wangqiang")
    page = site.open("/reassign", login="zhou")
    page.get_by_label("From").select_option(label="李敏")
    page.wait_for_url(f"**/reassign?agent={limin.id}")
    boxes = page.locator("#choose input[name=chosen]")
    boxes.nth(0).check()
    boxes.nth(2).click(modifiers=["Shift"])
    assert page.locator("#chosen-count").inner_text() == "3 chosen"
    chosen = [boxes.nth(i).get_attribute("value") or "" for i in range(3)]
    before = owners(site)

    page.get_by_role("button", name="Who may take them?").last.click()
    page.get_by_role("radio", name="王强").check()
    page.get_by_label("Reason").fill("knows <b>them</b>")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Move ").click()
    page.get_by_role("heading", name="moved").wait_for()
    look(page, "reassign-result", picture=False)
    after = owners(site)
    moved = [handle for handle in chosen if after[handle] == wang.id]
    assert moved
    assert {handle: after[handle] for handle in after if handle not in moved} == {
        handle: before[handle] for handle in before if handle not in moved
    }

    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone:").wait_for()
    assert owners(site) == before


def test_who_may_is_said_name_by_name(site: Site, look: Look) -> None:
    page = site.open("/reassign?language=zh", login="zhou")
    page.locator("#rows .icon-button").first.click()
    dialog = page.locator("#who")
    dialog.get_by_text("does not speak").first.wait_for()
    assert "Grace Miller" in dialog.inner_text()
    look(page, "reassign-who-one", picture=False)


def test_nothing_matches_and_what_to_do(site: Site, look: Look) -> None:
    page = site.open("/reassign?q=nobody-of-this-name", login="zhou", language="zh")
    page.get_by_role("heading", name="没有符合条件的任务").wait_for()
    look(page, "reassign-empty", picture=False)


def test_absent_in_two_clicks(site: Site, look: Look) -> None:
    limin = site.agent("limin").id
    before = owners(site)
    page = site.open(f"/reassign?agent={limin}", login="zhou")
    page.get_by_role("button", name="This agent is absent").click()
    page.get_by_role("button", name="Absent: move").click()
    page.get_by_text("is absent;").wait_for()
    after = owners(site)
    assert sum(owner == limin for owner in after.values()) < sum(owner == limin for owner in before.values()) / 2
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone:").wait_for()
    assert owners(site) == before
