from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.api.paging import decode_cursor, encode_cursor, python_type
from callback.db.tables import Callback, ShiftException
from callback.errors import Invalid


def test_a_cursor_brings_its_values_back() -> None:
    at = datetime(2026, 3, 11, 2, 0, 0, 123456, tzinfo=UTC)
    cursor = encode_cursor("cases", at, date(2026, 3, 11), 7, "王", 1.5)
    assert decode_cursor("cases", cursor, datetime, date, int, str, float) == (at, date(2026, 3, 11), 7, "王", 1.5)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Invalid, match="cursor"):
        decode_cursor("agents", encode_cursor("cases", 1), int)


@pytest.mark.parametrize(
    ("values", "types"),
    [
        ((True,), (int,)),
        ((2**63,), (int,)),
        (("x\x00",), (str,)),
        (("2026-03-11T00:00:00",), (datetime,)),
        (("not a moment",), (datetime,)),
        ((1,), (str,)),
        ((1, 2), (int,)),
        (([1],), (int,)),
        ((None,), (int,)),
    ],
)
def test_a_cursor_with_other_values_is_refused(values: tuple[object, ...], types: tuple[type, ...]) -> None:
    with pytest.raises(Invalid):
        decode_cursor("cases", encode_cursor("cases", *values), *types)


@given(st.text(max_size=200))
def test_whatever_a_client_sends_is_refused_as_a_bad_cursor(text: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor("cases", text, int)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_cursor_that_somebody_made_up_never_gives_a_wrong_type(value: object) -> None:
    try:
        (found,) = decode_cursor("cases", encode_cursor("cases", value), int)
    except Invalid:
        return
    assert type(found) is int


def test_columns_say_what_their_values_are() -> None:
    assert python_type(Callback.due_at) is datetime
    assert python_type(Callback.id) is int
    assert python_type(Callback.handle) is str
    assert python_type(ShiftException.day) is date
