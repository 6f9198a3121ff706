"""A page speaks one language, also when something is wrong: the one that was chosen on it, not the browser's."""

import re

import pytest

from callback.entrance import LANGUAGE_CHOSEN
from tests.integration.conftest import Desk

HTMX = {"HX-Request": "true"}
CHINESE = re.compile(r"[一-鿿]")
LATIN = re.compile(r"(?<![\w<&/\"-])[A-Za-z]{3,}(?![\w>=;\"-])")
WRONG = (
    ("GET", "/calls/abcdefghijkl", None),
    ("GET", "/nowhere", None),
    ("POST", "/handover/give", {"version": "x"}),
    ("POST", "/handover/save", {"remarks": "x" * 2_200_000}),  # refused before anybody knows who sent it
    ("POST", "/campaigns", {"name": "x", "channel": "pigeon"}),
    ("POST", "/suppressions", {"address": "x", "scope": "moon"}),
)


@pytest.mark.parametrize("wrong", WRONG, ids=[path for _, path, _ in WRONG])
@pytest.mark.parametrize(("chosen", "spoken"), [("zh", "en-GB,en;q=0.9"), ("en", "zh-CN,zh;q=0.9")])
def test_an_error_is_told_in_the_language_of_the_page(
    desk: Desk, wrong: tuple[str, str, dict[str, str] | None], chosen: str, spoken: str
) -> None:
    method, path, form = wrong
    chief = desk.supervisor()
    chief.cookies.set(LANGUAGE_CHOSEN, chosen)
    answer = chief.request(method, path, data=form, headers={**HTMX, "Accept-Language": spoken})
    assert 400 <= answer.status_code < 500
    words = re.sub(r"<[^>]+>", " ", answer.text)
    foreign = (LATIN if chosen == "zh" else CHINESE).findall(words.replace("MB", ""))
    assert not foreign, words


def test_a_word_that_the_page_hears_as_json_is_in_its_language(desk: Desk) -> None:
    """The notes of a call and the password on the spot are sent by the page, which shows the answer as it is."""
    li = desk.agent("li")
    li.cookies.set(LANGUAGE_CHOSEN, "zh")
    heard = {"Accept": "application/json", "Accept-Language": "en"}
    assert CHINESE.search(li.post("/calls/abcdefghijkl/notes", data={"notes": "x"}, headers=heard).json()["detail"])
    wrong = li.post("/login", data={"login": "li", "password": "no"}, headers=heard)
    assert (wrong.status_code, bool(CHINESE.search(wrong.json()["detail"]))) == (401, True)


def test_who_has_to_choose_is_told_so_and_not_the_words_of_the_interface(desk: Desk) -> None:
    refused = desk.supervisor().post("/campaigns", data={"name": "x", "channel": "pigeon"}, headers=HTMX)
    assert "Please choose." in refused.text
    assert "&#39;sms&#39;" not in refused.text
    assert "'sms'" not in refused.text
