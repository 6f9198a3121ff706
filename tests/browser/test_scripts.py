"""Call scripts without a programmer: read as they are spoken, edited with a live preview, published, undone."""

import re
from typing import Literal

from playwright.sync_api import Dialog, expect

from callback.texts import say
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


@BOTH
@WIDTHS
def test_scripts_are_seen_as_they_are_spoken(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    page = site.open("/setup/scripts", login="zhou", language=language, width=width)
    look(page, "scripts")
    page.get_by_role("link", name="版本 1" if language == "zh" else "Version 1", exact=True).first.click()
    page.wait_for_url("**/setup/scripts/*")
    look(page, "script")


def test_a_script_is_edited_with_a_live_preview_published_and_undone(site: Site, look: Look) -> None:
    page = site.open("/setup/scripts", login="zhou", language="zh")
    answers = page.locator("section.card", has=page.get_by_role("heading", name="告知答复", exact=True))
    answers.locator('h3[lang="zh-CN"] + ul').get_by_role("link", name="编辑").click()
    page.wait_for_url("**/edit")
    page.locator("details.step summary", has_text="核实身份").first.click()
    said = page.locator("details.step[open] textarea").first
    said.fill("您好！请问是{{ salutation }}本人吗？{{ nonsense }}")
    expect(page.locator("#preview .fault")).to_contain_text("nonsense")
    site.forgiven = ("422",)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#editor .fault").first).to_contain_text("nonsense")
    look(page, "script-edit")
    page.locator("details.step[open] textarea").first.fill("您好！请问是{{ salutation }}本人吗？")
    expect(page.locator("#preview blockquote", has_text="请问是王女士本人吗")).to_be_visible()
    asked: list[str] = []  # what is not saved yet is not left without a question

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_role("link", name=say("questionnaires_desk.leave", "zh")).click(no_wait_after=True)
    expect(page).to_have_url(re.compile("/edit$"))
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="保存为草稿").click()
    page.wait_for_url(lambda url: not url.endswith("/edit"))
    page.get_by_role("button", name="发布", exact=True).click()
    expect(page.get_by_text("已生效")).to_be_visible()
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_text("重新生效").first).to_be_visible()
    expect(page.get_by_text("请问是王女士本人吗")).to_have_count(0)
