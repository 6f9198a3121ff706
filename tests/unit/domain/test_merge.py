"""Two windows write into one note."""

import pytest

from callback.domain.merge import merged


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "both"),
    [
        ("a", "a b", "a", "a b"),  # nobody else wrote
        ("a", "a", "a c", "a c"),  # I wrote nothing
        ("a", "a b", "a b", "a b"),  # the same, sent twice
        ("a", "a b c", "a b", "a b c"),  # my earlier save, whose answer was lost
        ("a", "a b", "a b c", "a b c"),  # theirs holds mine
        ("a", "a b", "a c", "a c\n b"),  # both wrote on
        ("", "mine", "theirs\n", "theirs\nmine"),
        ("old", "rewritten", "old and more", "old and more\nrewritten"),
    ],
)
def test_nothing_of_either_is_lost(base: str, mine: str, theirs: str, both: str) -> None:
    assert merged(base=base, mine=mine, theirs=theirs) == both
