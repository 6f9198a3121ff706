"""A worker that is told to stop stops, whatever its main thread is doing at that moment."""

import signal
import threading
from collections.abc import Iterator

import pytest

from callback.worker.process import stop_on_signals


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.timeout(20)
def test_a_signal_in_the_middle_of_waiting_is_no_deadlock() -> None:
    stop = threading.Event()
    stop_on_signals(stop)
    with stop._cond:  # type: ignore[attr-defined]  # as `stop.wait()` holds it, until it sleeps
        signal.raise_signal(signal.SIGTERM)
    assert stop.wait(10)
