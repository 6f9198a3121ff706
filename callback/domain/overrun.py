"""When calls run over: which callbacks of an agent's list no longer fit where they are, and what that leaves free.

The list is walked through as the agent will walk through it: the call under way first, then one after the other, none
before its time. What would begin after its slot, or after a due time that it was planned to keep, does not fit. Pinned
ones and appointments stay, and so does what the agent will come to within the freeze horizon.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from callback.domain.moment import Interval

REST_OF_A_LONG_CALL = timedelta(minutes=1)
"""A call that has taken its time already: so much is still expected, and no more is known."""

NEVER = datetime.max.replace(tzinfo=UTC)
"""When somebody begins a call whose hours are over."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One callback of an agent's list."""

    callback_id: int
    at: datetime
    """When it is planned to begin."""
    until: datetime
    """The end of its slot, with what a slot may run over: later it does not begin there."""
    takes: timedelta
    """Expected, at this agent's pace."""
    due: datetime
    fixed: bool = False
    """Pinned by a supervisor, or an appointment."""
    begun: datetime | None = None
    """Under way since."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What the agent will be able to do."""

    now: datetime
    behind: Mapping[int, datetime]
    """Callbacks that do not fit, each with the moment at which this agent would get to it."""
    busy: tuple[Span, ...]
    """Stretches that are taken; also by what does not fit, as it may have to stay for want of a better place."""
    last: datetime
    """The end of all that is taken."""
    lag: timedelta
    """How long the worst of the list waits beyond its time."""

    def taken_in(self, start: datetime, end: datetime) -> timedelta:
        """How much of `[start, end)` is taken."""
        overlaps = (min(end, over) - max(start, begun) for begun, over in self.busy)
        return sum((part for part in overlaps if part > timedelta(0)), timedelta(0))


def walk_through(listed: Iterable[Listed], *, now: datetime, freeze: timedelta, work: Sequence[Interval]) -> Walk:
    """One agent's list from `now` on, within the hours that they `work`; after the last of those nothing is begun.

    What does not fit takes no time of what comes after it.
    """
    ordered = sorted(listed, key=lambda item: (item.begun is None, item.at, item.callback_id))
    behind: dict[int, datetime] = {}
    busy: list[Span] = []
    free, lag = now, timedelta(0)
    for item in ordered:
        if item.begun is not None:
            start, over = now, max(item.begun + item.takes, now + REST_OF_A_LONG_CALL)
        else:
            start = _at_work(max(free, item.at), work)
            if _does_not_fit(item, start) and start > now + freeze:
                behind[item.callback_id] = start
            if start == NEVER:
                continue
            over = start + item.takes
            lag = max(lag, start - item.at)
        busy.append((start, over))
        if item.callback_id not in behind:
            free = max(free, over)
    return Walk(now, behind, tuple(busy), max((over for _, over in busy), default=now), lag)


def _at_work(moment: datetime, work: Sequence[Interval]) -> datetime:
    return next((max(moment, stretch.start) for stretch in work if stretch.end > moment), NEVER)


def _does_not_fit(item: Listed, start: datetime) -> bool:
    return not item.fixed and (start >= item.until or item.at <= item.due < start)


def late_agents(
    backlog: Mapping[int, timedelta], running: Mapping[int, Span], *, now: datetime, overfill: float
) -> Iterator[int]:
    """Agents who have more to do in what has begun than its time allows: only their lists need a walk.

    `backlog`: what is left of slots that have begun; `running`: the slot that each agent is in, if any.
    """
    for agent_id, work in backlog.items():
        if agent_id in running:
            start, end = running[agent_id]
            room = end - now + (end - start) * overfill
        else:
            room = timedelta(0)
        if work > room:
            yield agent_id
