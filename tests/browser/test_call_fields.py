"""What an agent fills in during a call: too long, left empty, without a network; told in the page's words."""

from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.looking import Look
from tests.browser.test_calls import begin, press, settled


def test_a_need_that_is_too_long(site: Site, look: Look) -> None:
    page = site.open(begin(site), login="limin", language="zh")
    press(page, "1", "1", "1", "1", "1", "1", "1")
    page.keyboard.press("3")
    need = page.locator("textarea[name='field.need']:visible")
    form = page.locator("form.answer-fields:visible")
    need.fill("好" * 1_700)
    expect(form.locator(".counter")).to_have_text("1700 / 2000")
    need.fill("好" * 2_001)
    fault = form.locator(".field-fault")
    expect(fault).to_have_text("共 2001 字，最多 2000 字。请缩短，已写内容不会丢失。")
    need.press("Enter")  # it is not sent
    expect(need).to_be_focused()
    assert need.get_attribute("aria-describedby") == fault.get_attribute("id")
    look(page, "call-need-too-long", picture=False)
    need.fill("好" * 2_000)
    expect(fault).to_have_count(0)
    with page.expect_response("**/steps") as answered:
        need.press("Enter")
    assert answered.value.status == 200


def test_a_need_that_is_left_empty_is_told_in_the_language_of_the_page(site: Site, look: Look) -> None:
    page = site.open(begin(site), login="limin", language="zh")
    press(page, "1", "1", "1", "1", "1", "1", "1")
    page.keyboard.press("3")
    need = page.locator("textarea[name='field.need']:visible")
    need.press("Enter")
    fault = page.locator(".field-fault:visible")
    expect(fault).to_have_text("请填写此项。")
    expect(need).to_be_focused()
    expect(need).to_have_attribute("aria-invalid", "true")
    look(page, "call-need-empty", picture=False)
    need.press("x")
    expect(fault).to_have_count(0)


def test_the_calendar_comes_once_the_network_is_back(site: Site) -> None:
    site.forgiven = ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest")
    page = site.open(begin(site), login="limin", language="zh")
    press(page, "1", "1", "1", "2")
    page.context.set_offline(True)
    page.keyboard.press("1")
    form = page.locator("form.answer-fields:visible")
    expect(form.locator("[data-offline]")).to_contain_text("网络已断开")
    expect(form.locator(".btn-primary")).to_be_disabled()
    page.context.set_offline(False)
    expect(form.locator(".time:visible").first).to_be_visible()
    expect(form.locator("[data-offline]")).to_have_count(0)
    form.locator(".btn-primary").click()  # no time was chosen
    settled(page)
    expect(form.locator(".times:visible .field-fault")).to_have_text("请选择。")


def test_a_reason_that_is_left_out_is_told_at_the_field(site: Site, look: Look) -> None:
    """On a supervisor's form, in a dialog."""
    page = site.open(f"/reassign?agent={site.agent('limin').id}", login="zhou", language="zh")
    page.locator("#choose input[name=chosen]").first.check()
    page.locator("#choose-next").click()
    page.locator("#take[open]").wait_for()
    page.keyboard.press("Control+Enter")
    reason = page.locator("#take [name=reason]")
    expect(page.locator("#take .field-fault")).to_have_text("请填写此项。")
    expect(reason).to_be_focused()
    look(page, "reassign-no-reason", picture=False)
    assert (
        page.get_by_role("textbox", name="原因（记入审计记录）", exact=True).count() == 1
    )  # the fault is no part of its name
