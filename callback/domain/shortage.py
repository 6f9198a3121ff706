"""Will today's people keep the promises? Demand against capacity until each is due, before anything is placed.

Earliest due first is the order that keeps everything whenever anything can, as long as one agent can stand in for
another (Jackson, J. R. 1955); languages and skills make it a close estimate, in which the least versatile go first.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from callback.domain.moment import Interval

Asked = tuple[str, str | None]
"""Language and skill."""
Kind = tuple[frozenset[str], frozenset[str]]
"""Languages and skills of agents who can stand in for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A call that is owed by `due`."""

    key: int
    due: datetime
    earliest: datetime
    language: str
    seconds: int
    stretches: Sequence[Interval]
    """When it may be made, in order."""
    skill: str | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """So many seconds of agents of one kind from `starts_at` to `ends_at`."""

    starts_at: datetime
    ends_at: datetime
    kind: Kind
    seconds: float


@dataclass(frozen=True, slots=True)
class Miss:
    """Will not be in time: `nobody_qualifies`, `no_legal_time` before it is due, or `no_capacity` by then."""

    need: Need
    reason: str


def misses(needs: Iterable[Need], rooms: Iterable[Room]) -> list[Miss]:
    """What would not be in time, earliest due first."""
    board = _Board(rooms)
    found = []
    for need in sorted(needs, key=lambda n: (n.due, n.key)):
        reason = board.take(need)
        if reason is not None:
            found.append(Miss(need, reason))
    return found


class _Board:
    """Seconds left by time and kind; times that are full for somebody are passed over for good."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        left: defaultdict[tuple[datetime, datetime], defaultdict[Kind, float]] = defaultdict(lambda: defaultdict(float))
        for room in rooms:
            left[room.starts_at, room.ends_at][room.kind] += room.seconds
        self._spans = sorted(left)
        self._starts = [start for start, _ in self._spans]
        self._left = [left[span] for span in self._spans]
        self._kinds = {kind for kinds in self._left for kind in kinds}
        self._matching: dict[Asked, tuple[Kind, ...]] = {}
        self._next: dict[Asked, list[int]] = {}

    def take(self, need: Need) -> str | None:
        """Use room for the call, or say why there is none."""
        asked = (need.language, need.skill)
        kinds = self._kinds_for(asked)
        if not kinds:
            return "nobody_qualifies"
        legal = False
        for stretch in need.stretches:
            begin, end = max(stretch.start, need.earliest), min(stretch.end, need.due)
            if begin >= end:
                continue
            legal = True
            index = max(0, bisect_right(self._starts, begin) - 1)
            last = bisect_left(self._starts, end)
            while (index := self._open(asked, index)) < last:
                if self._spans[index][1] > begin:
                    self._use(index, kinds, need.seconds)
                    return None
                index += 1
        return "no_capacity" if legal else "no_legal_time"

    def _kinds_for(self, asked: Asked) -> tuple[Kind, ...]:
        """Who can, the least versatile first."""
        known = self._matching.get(asked)
        if known is None:
            language, skill = asked
            can = (kind for kind in self._kinds if language in kind[0] and (skill is None or skill in kind[1]))
            known = tuple(sorted(can, key=lambda k: (len(k[0]) + len(k[1]), sorted(k[0]), sorted(k[1]))))
            self._matching[asked] = known
            self._next[asked] = list(range(len(self._spans) + 1))
        return known

    def _open(self, asked: Asked, index: int) -> int:
        """The first time from `index` on that is not known to be full for these."""
        following = self._next[asked]
        root = index
        while True:
            while following[root] != root:
                root = following[root]
            if root == len(self._spans) or any(self._left[root][kind] > 0 for kind in self._matching[asked]):
                following[index] = root
                return root
            following[root] = root + 1

    def _use(self, index: int, kinds: Sequence[Kind], seconds: int) -> None:
        """A call may run over the end of its time by what is left: over many calls that evens out."""
        left = self._left[index]
        left[next(kind for kind in kinds if left[kind] > 0)] -= seconds
