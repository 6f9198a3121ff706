"""Working one step ahead."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def one_ahead(steps: Iterable[T]) -> Iterator[T]:
    """The steps in their order, each worked out in a thread while the one before it is used.

    For steps that wait for the database. One thread alone walks through `steps`; an error comes out where its step
    would have.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        walk = iter(steps)
        end = object()
        coming = thread.submit(next, walk, end)
        while (found := coming.result()) is not end:
            coming = thread.submit(next, walk, end)
            yield found  # type: ignore[misc]
