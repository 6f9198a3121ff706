"""Facts that nobody changes, made by the hundred thousand.

A frozen dataclass sets each field through `object.__setattr__`, which makes a fact of twenty fields four times as dear
as one that is not frozen, and a planning makes half a million of them. So they are frozen where it is looked at anyway,
by the type checker; they compare and hash as frozen ones do.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as fact
else:
    from dataclasses import dataclass

    def fact(*, frozen, **how):  # noqa: ARG001 what the type checker sees is `dataclass`
        return dataclass(unsafe_hash=True, **how)


__all__ = ["fact"]
