"""The garbage collector, paused where it would only get in the way."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OLDEST = 2
WARMING_LOOKS = 20
"""Full looks of a young server; afterwards a cycle that is left out would never be found."""


class LeftOut:
    """Known here, because the interpreter only knows it by counting: 40 ms a question among a million things."""

    for_good = False


def leave_out() -> None:
    """What is there now stays for as long as the process: the collector never looks through it again."""
    gc.freeze()
    LeftOut.for_good = True


def leave_out_what_is_there() -> None:
    """For a server that has just been laid out: looking through all of its addresses, texts and templates again and
    again took a third of a second each time, in the middle of somebody's page.

    What is read at its first use (templates, texts, statements) is left out by the first full looks that find it.
    """
    gc.collect()
    leave_out()
    looks = iter(range(WARMING_LOOKS))

    def leave_out_what_stayed(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == OLDEST:
            gc.freeze()
            if next(looks, None) is None:
                gc.callbacks.remove(leave_out_what_stayed)

    gc.callbacks.append(leave_out_what_stayed)


@contextmanager
def paused_collector(*, when: bool = True) -> Iterator[Callable[[], object]]:
    """No collection inside; what is yielded collects once when it is called.

    An import or a planning makes millions of tuples and facts, none of them in a cycle. Left alone, the collector looks
    through all of them again and again, which was a sixth of their time. What was there before is left out of what it
    looks through; a server has done that for good, and there is no thawing of a part. Nested use changes nothing.
    """
    if not (when and gc.isenabled()):
        yield lambda: None
        return
    left_out = LeftOut.for_good
    gc.disable()
    if not left_out:
        gc.freeze()
    try:
        yield gc.collect
    finally:
        if not left_out:
            gc.unfreeze()
        gc.enable()
