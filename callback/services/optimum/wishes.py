"""Demands alike in all that the best times depend on are one class: a network for thousands, not for millions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from callback.domain.assignment import Demand, Left, Odds
from callback.domain.moment import part_of_day
from callback.domain.policy import Policy
from callback.domain.words import PartOfDay
from callback.services.optimum.board import Board, Books, Bools
from callback.services.optimum.network import Ints

LATEST = 255
"""Steps of lateness that are told apart; what is left out altogether is later than anything."""
VALUE_STEPS = 10
MOST_VALUE = 101 * VALUE_STEPS
EXPLICIT_ARCS = 400_000
"""Up to so many arcs, people who may not make a call are left out of the network itself."""

_SECOND = timedelta(seconds=1)

Asked = tuple[str, str | None, frozenset[int] | None, frozenset[int]]
"""Language, skill, nobody but these, none of these."""


@dataclass(slots=True)
class Wishes:
    """The classes and what each member of the batch belongs to."""

    members: list[list[Demand]]
    """Per class, in the order in which they get the earlier places."""
    asked: Ints
    """[classes]: who may call, as a row of `eligible`."""
    open: Bools
    """[classes, spans]: legal for somebody with room."""
    missed: Ints
    """[classes, spans]: 1 where the due time would be missed."""
    risky: Ints
    """[classes, spans]: 1 where the due time lies within: who is called last there may come too late."""
    late: Ints
    """[classes, spans]: by how many slots."""
    lost: Ints
    """[classes, spans]: `MOST_VALUE` less the value there."""
    missed_left: Ints
    """[classes]: 1 where to be left out misses the due time."""
    eligible: Bools
    """[asked, agents]"""
    left: list[Left]
    """What nobody may do, or at no time."""

    @property
    def sizes(self) -> Ints:
        return np.array([len(found) for found in self.members], dtype=np.int64)


def sort_out(demands: Sequence[Demand], board: Board, books: Books, policy: Policy) -> Wishes:
    """Classes of the demands that can be placed at all; the others are told with the reason."""
    asked_rows, eligible = who_may(demands, board)
    reach: Bools = np.asarray(eligible.astype(np.int64) @ board.room > 0)
    times = Times(board, books, policy)
    nobody: Bools = np.asarray(~eligible.any(axis=1))
    with_room = [bits(reach[row]) for row in range(len(eligible))]
    classes: dict[tuple[int, int, int, int, int], list[Demand]] = defaultdict(list)
    left: list[Left] = []
    why_nobody: dict[tuple[int, frozenset[int]], str] = {}
    for demand, row in zip(demands, asked_rows, strict=True):
        if nobody[row]:
            key_of_nobody = (row, demand.excluded)
            why = why_nobody.get(key_of_nobody) or why_nobody.setdefault(key_of_nobody, _why_nobody(demand, board))
            left.append(Left(demand.callback_id, why))
            continue
        legal = times.legal(demand)
        mask = legal & with_room[row]
        if not mask:
            left.append(Left(demand.callback_id, "no_capacity" if legal else "no_legal_slot"))
            continue
        key = (row, mask, times.due_column(demand), demand.priority, times.odds_number(demand))
        classes[key].append(demand)
    keys = list(classes)
    for members in classes.values():
        members.sort(key=lambda d: (d.due, -d.priority, d.callback_id))
    prices = times.prices(keys)
    opened = _unpacked([key[1] for key in keys], len(board.spans))
    return Wishes(
        [classes[key] for key in keys],
        np.array([key[0] for key in keys], dtype=np.int64),
        opened,
        *prices,
        eligible,
        left,
    )


def _why_nobody(demand: Demand, board: Board) -> str:
    """Who could and has no shifts is another matter than that nobody could."""
    if not board.agents and not board.idle:
        return "no_agents"
    return "no_agents" if any(map(demand.suits, board.idle)) else "nobody_qualifies"


def who_may(demands: Sequence[Demand], board: Board) -> tuple[list[int], Bools]:
    """For each demand the row of a table of who may make it.

    People with a past in a case are kept out in the table while that keeps the network small; beyond that, when the
    calls of one time are handed out (and what then finds nobody is planned again with them in the table).
    """
    exclusions = {d.excluded for d in demands if d.excluded}
    explicit = len(exclusions) * len(board.agents) * len(board.spans) <= EXPLICIT_ARCS
    rows: dict[Asked, int] = {}
    found = []
    for demand in demands:
        key = (demand.language, demand.skill, demand.only, demand.excluded if explicit else frozenset())
        found.append(rows.setdefault(key, len(rows)))
    eligible = np.zeros((len(rows), len(board.agents)), dtype=bool)
    for (language, skill, only, excluded), row in rows.items():
        for column, agent in enumerate(board.agents):
            eligible[row, column] = (
                language in agent.languages
                and (skill is None or skill in agent.skills)
                and (only is None or agent.id in only)
                and agent.id not in excluded
            )
    return found, eligible


class Times:
    """Moments of demands in columns of the board; what many demands share is worked out once."""

    def __init__(self, board: Board, books: Books, policy: Policy) -> None:
        self._spans, self._starts = board.spans, board.starts
        self._books, self._policy = books, policy
        self._slot_s = policy.slot.total_seconds()
        self._end = board.end if board.spans else None
        self._base: dict[int, tuple[object, int]] = {}
        self._odds: dict[tuple[int, ZoneInfo], tuple[int, Odds | None]] = {}
        self._odds_rows: dict[tuple[float, ...], int] = {}
        self._calendars: dict[ZoneInfo, dict[tuple[date, PartOfDay], int]] = {}
        self._due: dict[tuple[datetime, bool], int] = {}

    def legal(self, demand: Demand) -> int:
        """The columns in which the demand has a legal moment, as bits."""
        mask = self._from(demand)
        banned = self._books.banned.get(demand.callback_id)
        if banned:
            mask &= ~_mask(i for i, span in enumerate(self._spans) if span in banned)
        others = self._books.contacts.get(demand.customer_id)
        return mask & ~self._taken(demand, others) if others else mask

    def _from(self, demand: Demand) -> int:
        """From `earliest` on. The slot in which it lies is asked for by itself, the later ones are shared knowledge."""
        if demand.stretches is None:
            return _mask(i for i, span in enumerate(self._spans) if demand.first_legal(*span) is not None)
        known = self._base.get(id(demand.stretches))
        if known is None:
            base = 0
            for stretch in demand.stretches:
                base |= _mask(i for i, (s, e) in enumerate(self._spans) if s < stretch.end and stretch.start < e)
            known = self._base[id(demand.stretches)] = (demand.stretches, base)
        mask = known[1]
        for i, (start, end) in enumerate(self._spans):
            if start >= demand.earliest:
                break
            if mask >> i & 1 and demand.first_legal(start, end) is None:
                mask &= ~(1 << i)
        return mask

    def _taken(self, demand: Demand, others: Sequence[datetime]) -> int:
        """Columns that lie wholly in a part of a day in which the customer is called already, or on a full day."""
        parts = self._parts(demand.zone)
        days: dict[date, int] = defaultdict(int)
        taken = 0
        for other in others:
            local = other.astimezone(demand.zone).date()
            days[local] += 1
            taken |= parts.get((local, part_of_day(other, demand.zone)), 0)
        for day, count in days.items():
            if count >= self._policy.attempts_per_day:
                for (other_day, _), columns in parts.items():
                    taken |= columns if other_day == day else 0
        return taken

    def _parts(self, zone: ZoneInfo) -> Mapping[tuple[date, PartOfDay], int]:
        known = self._calendars.get(zone)
        if known is None:
            known = self._calendars[zone] = defaultdict(int)
            for i, (start, end) in enumerate(self._spans):
                # A slot that ends when the part of the day ends lies in it: its end is not a moment of the slot.
                if part_of_day(start, zone) is part_of_day(end - _SECOND, zone):
                    known[start.astimezone(zone).date(), part_of_day(start, zone)] |= 1 << i
        return known

    def due_column(self, demand: Demand) -> int:
        """Twice the last column that begins in time, and one more when the due time lies within it.

        -2 when it is too late already, twice the number of columns when it never is.
        """
        key = (demand.due, demand.due < demand.earliest)
        known = self._due.get(key)
        if known is None:
            if key[1]:
                known = -2
            elif self._end is not None and demand.due >= self._end:
                known = 2 * len(self._spans)
            else:
                column = sum(start <= demand.due for start in self._starts) - 1
                known = 2 * column + (column >= 0 and demand.due < self._spans[column][1])
            self._due[key] = known
        return known

    def odds_number(self, demand: Demand) -> int:
        """Equal odds in equal zones have one number."""
        key = (id(demand.odds), demand.zone)
        known = self._odds.get(key)
        if known is None:
            row = [demand.chance(start) for start in self._starts]
            number = self._odds_rows.setdefault(tuple(round(p, 3) for p in row), len(self._odds_rows))
            known = self._odds[key] = (number, demand.odds)
        return known[0]

    def prices(self, keys: Sequence[tuple[int, int, int, int, int]]) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """Missed, risky, late and lost value by class and column; missed when left out."""
        count = len(self._spans)
        codes = np.array([key[2] for key in keys], dtype=np.int64)
        due, within = codes // 2, codes % 2
        columns = np.arange(count)
        missed = (columns[None, :] > due[:, None]).astype(np.int64)
        since = np.array([(start - self._starts[0]).total_seconds() for start in self._starts])
        last = np.where(due < 0, -self._slot_s, since[np.clip(due, 0, count - 1)]) if count else since
        steps = np.ceil((since[None, :] - last[:, None]) / self._slot_s)
        risky = ((columns[None, :] == due[:, None]) & (within > 0)[:, None]).astype(np.int64)
        late = np.where(missed > 0, np.clip(steps + 1, 2, LATEST), 0).astype(np.int64)
        priority = np.array([key[3] for key in keys], dtype=np.float64)
        odds = np.array(list(self._odds_rows))[[key[4] for key in keys]] if keys else np.zeros((0, count))
        value = np.rint((np.clip(priority, 0, 100)[:, None] + 1) * odds * VALUE_STEPS).astype(np.int64)
        return missed, risky, late, MOST_VALUE - value, (due < count).astype(np.int64)


def _mask(columns: Iterable[int]) -> int:
    found = 0
    for column in columns:
        found |= 1 << column
    return found


def bits(row: Bools) -> int:
    return _mask(int(column) for column in np.flatnonzero(row))


def _unpacked(masks: Sequence[int], width: int) -> Bools:
    size = (width + 7) // 8
    raw = b"".join(mask.to_bytes(size, "little") for mask in masks)
    table = np.frombuffer(raw, dtype=np.uint8).reshape(len(masks), size)
    return np.unpackbits(table, axis=1, bitorder="little")[:, :width].astype(bool)
