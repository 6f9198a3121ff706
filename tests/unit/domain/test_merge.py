"""Two windows write into one note."""

import random

import pytest

from callback.domain import merge
from callback.domain.merge import merged


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "both"),
    [
        ("a", "a b", "a", "a b"),  # nobody else wrote
        ("a", "a", "a c", "a c"),  # I wrote nothing
        ("a", "a b", "a b", "a b"),  # the same, sent twice
        ("a", "a b c", "a b", "a b c"),  # my earlier save, whose answer was lost
        ("a", "x a b c", "a b", "x a b c"),  # the same, and I have written in front since
        ("a", "a b", "a b c", "a b c"),  # theirs holds mine
        ("a", "a b", "a c", "a c\n b"),  # both wrote on
        ("a", "a b", "a c\n b", "a c\n b"),  # the same again: the answer was lost
        ("", "mine", "theirs\n", "theirs\nmine"),
        ("old", "rewritten", "old and more", "rewritten and more"),
        ("one two", "zero one two", "one two\nthree", "zero one two\nthree"),  # in front, and behind
        ("one two three", "one three", "one two three\nfour", "one three\nfour"),  # deleted in the middle
        ("one too three", "one two three", "zero one too three", "zero one two three"),  # corrected
        ("客户要求周三致电", "客户要求周四致电", "客户要求周三致电\n已道歉", "客户要求周四致电\n已道歉"),
        ("one two", "one 2", "one II", "one II\n2"),  # both corrected the same
        ("one two three", "three", "one deux three", "one deux three"),  # deleted here, corrected there: it stays
        ("one two", "", "one two three", " three"),
    ],
)
def test_nothing_of_either_is_lost(base: str, mine: str, theirs: str, both: str) -> None:
    assert merged(base=base, mine=mine, theirs=theirs) == both


def test_what_either_has_added_is_in_it() -> None:
    chosen = random.Random(11)  # noqa: S311
    for _ in range(400):
        base = [chosen.choice("ab \n客户") for _ in range(chosen.randint(0, 12))]
        mine, theirs = ("".join(_changed(base, chosen, word)) for word in ("MINE", "THEIRS"))
        both = merged(base="".join(base), mine=mine, theirs=theirs)
        assert "MINE" in both
        assert "THEIRS" in both


def test_texts_that_are_too_large_to_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MOST_COMPARED", 3)
    assert merged(base="one two three", mine="ONE two THREE", theirs="one two three four") == "ONE two THREE four"


def _changed(base: list[str], chosen: random.Random, word: str = "x") -> list[str]:
    text = list(base)
    for _ in range(chosen.randint(0, 2)):
        if text:
            text.pop(chosen.randrange(len(text)))
    text.insert(chosen.randint(0, len(text)), f" {word} ")
    return text


def test_a_save_whose_answer_was_lost_is_not_merged_twice() -> None:
    assert merged(base="", mine="foo\n", theirs="bar\nfoo") == "bar\nfoo"
