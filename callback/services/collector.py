"""The garbage collector, paused where it would only get in the way."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def leave_out_what_is_there() -> None:
    """For a server that has just been laid out: looking through all of its addresses, texts and templates again and
    again took a third of a second each time, in the middle of somebody's page."""
    gc.collect()
    gc.freeze()


@contextmanager
def paused_collector(*, when: bool = True) -> Iterator[Callable[[], object]]:
    """No collection inside; what is yielded collects once when it is called.

    An import or a planning makes millions of tuples and facts, none of them in a cycle. Left alone, the collector looks
    through all of them again and again, which was a sixth of their time. What was there before is left out of what it
    looks through. Nested use changes nothing.
    """
    if not (when and gc.isenabled()):
        yield lambda: None
        return
    gc.disable()
    gc.freeze()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()
        gc.enable()
