"""The collector: paused where it would get in the way and then as it was; in a server what stays is left out."""

import gc
from collections.abc import Iterator

import pytest

from callback.services.collector import WARMING_LOOKS, LeftOut, leave_out_what_is_there, paused_collector


@pytest.fixture(autouse=True)
def left_out_again() -> Iterator[None]:
    """The tests themselves have left out what was imported: tests/conftest.py."""
    before = list(gc.callbacks)
    yield
    gc.callbacks[:] = before
    gc.freeze()


def test_it_pauses_and_forgets_what_it_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeftOut, "for_good", False)
    gc.unfreeze()
    with paused_collector():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
        with paused_collector():
            pass
        assert not gc.isenabled(), "nested use changes nothing"
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_server_keeps_left_out_what_it_left_out() -> None:
    leave_out_what_is_there()
    before = gc.get_freeze_count()
    with paused_collector():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before * 0.9
    assert gc.get_freeze_count() <= before


def test_it_goes_on_when_it_is_not_wanted_paused() -> None:
    with paused_collector(when=False):
        assert gc.isenabled()


def test_what_a_young_server_comes_to_keep_is_left_out() -> None:
    before = list(gc.callbacks)
    leave_out_what_is_there()
    laid_out = gc.get_freeze_count()
    first_used = [[number] for number in range(1_000)]
    gc.collect()
    assert gc.get_freeze_count() >= laid_out + len(first_used)
    for _ in range(WARMING_LOOKS):
        gc.collect()
    assert gc.callbacks == before, "what makes cycles later has to be found"
