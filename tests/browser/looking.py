"""What is true of every page, and its picture."""

import os
import re
from pathlib import Path
from typing import Any, Protocol

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FloatRect, Page

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
"""Written anew with `CALLBACK_SCREENSHOTS=1`, so that a test run changes nothing."""
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_TALLEST = 2400
_axe = Axe()

_TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const apart = "script, style, template, kbd, code, textarea, [translate=no], body [lang]";
    if (!node.textContent.trim() || element.closest(apart)) continue;
    if (element.checkVisibility()) texts.push(node.textContent.trim());
  }
  for (const element of document.querySelectorAll("[placeholder], [aria-label], [title]"))
    if (!element.closest("[translate=no], body [lang]"))
      for (const name of ["placeholder", "aria-label", "title"])
        if (element.getAttribute(name)) texts.push(element.getAttribute(name));
  return texts;
}"""
AT_REST = """() => document.readyState === "complete"
  && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")"""
_RAW = re.compile(r"\b[a-z]+[._][a-z][a-z_.]*[a-z]\b|\{[a-z_]+\}|\bNone\b|\bundefined\b")
_LATIN = re.compile(r"[A-Za-z]{3,}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_NAMES = frozenset(
    "Callback SMS CSAT NPS CES AAPOR UTC XLSForm Excel XLSX CSV Twilio TwiML API JSON Ctrl Enter Esc GSM UCS".split()
    + "PDF PNG JPEG JSONL STOP START".split()
)
"""What is written the same in both languages."""


class Look(Protocol):
    def __call__(self, page: Page, name: str, *, picture: bool = True) -> None: ...


def look_at(page: Page, name: str, *, picture: bool = True) -> None:
    """Hold a page against what is true of all of them. `name` names the picture: `<name>-<language>-<width>.png`."""
    page.wait_for_function(AT_REST)
    language = "zh" if page.evaluate("document.documentElement.lang") == "zh-CN" else "en"
    width = page.viewport_size["width"] if page.viewport_size else 0
    if picture and os.environ.get("CALLBACK_SCREENSHOTS"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        height = min(page.evaluate("document.documentElement.scrollHeight"), _TALLEST)
        clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
        page.screenshot(path=PICTURES / f"{name}-{language}-{width}.png", full_page=True, clip=clip, caret="initial")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}: wider than the window"
    texts: list[str] = page.evaluate(_TEXTS)
    raw = [text for text in texts if _RAW.search(text)]
    assert not raw, f"{name}: raw codes: {raw}"
    foreign = [text for text in texts if is_foreign(text, language)]
    assert not foreign, f"{name}: words of the other language: {foreign}"
    found = _axe.run(page, options={"runOnly": _RULES, "resultTypes": ["violations"]}).response["violations"]
    assert not found, f"{name}: " + "; ".join(_told(one) for one in found)


def is_foreign(text: str, language: str) -> bool:
    if language == "en":
        return bool(_CHINESE.search(text))
    return any(word not in _NAMES for word in _LATIN.findall(text))


def _told(violation: dict[str, Any]) -> str:
    places = "; ".join(
        str(node["html"])[:160] + " " + str(node.get("failureSummary", ""))[:200] for node in violation["nodes"][:3]
    )
    return f"{violation['id']} ({violation['help']}): {places}"
