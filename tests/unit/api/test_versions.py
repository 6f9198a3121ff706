from collections.abc import Coroutine
from typing import Any

import pytest

from callback.api.versions import PreconditionFailed, PreconditionRequired, check_version, get_if_match
from callback.errors import Conflict


def _at_once(coroutine: Coroutine[Any, Any, int | None]) -> int | None:
    """What it returns without ever waiting: no event loop, since a browser's may be running in this process."""
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    found: int | None = done.value.value
    return found


@pytest.mark.parametrize(
    ("header", "version"),
    [(None, None), ('"3"', 3), (' "3" ', 3), ("*", None), ('W/"3"', 0), ("3", 0), ('"x"', 0), ('"99999999999"', 0)],
)
def test_if_match(header: str | None, version: int | None) -> None:
    assert _at_once(get_if_match(header)) == version


def test_the_version_that_was_read_passes() -> None:
    assert check_version(3, if_match=3, body=None) == 3
    assert check_version(3, if_match=None, body=3) == 3
    assert check_version(3, if_match=3, body=3) == 3


def test_another_version_is_told_apart() -> None:
    with pytest.raises(PreconditionFailed):
        check_version(3, if_match=2, body=3)
    with pytest.raises(Conflict):
        check_version(3, if_match=None, body=2)
    with pytest.raises(PreconditionRequired):
        check_version(3, if_match=None, body=None)
