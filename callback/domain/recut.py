"""Shifts have changed and slots are cut anew: who keeps their moment. Only what must move moves."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranded:
    """A callback in an agent's list whose slot has gone."""

    callback_id: int
    agent_id: int
    at: datetime
    seconds: float
    """Expected, at this agent's pace."""
    fixed: bool
    """Pinned by a supervisor, an appointment, or under way: it keeps its moment in a full slot too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A slot as it is cut now, and what is booked in it."""

    slot_id: int
    agent_id: int
    starts_at: datetime
    ends_at: datetime
    booked: float = 0.0


def seat_again(stranded: Iterable[Stranded], cuts: Iterable[Cut], *, overfill: float) -> dict[int, int]:
    """Callback → slot, for those whose moment is still within their agent's hours.

    The fixed ones come first, the others in the order of their moments, as far as the slot's share allows.
    """
    of_agent: defaultdict[int, list[Cut]] = defaultdict(list)
    left: dict[int, float] = {}
    for cut in cuts:
        of_agent[cut.agent_id].append(cut)
        left[cut.slot_id] = (cut.ends_at - cut.starts_at).total_seconds() * (1 + overfill) - cut.booked
    found: dict[int, int] = {}
    for item in sorted(stranded, key=lambda s: (not s.fixed, s.at, s.callback_id)):
        around = [cut.slot_id for cut in of_agent[item.agent_id] if cut.starts_at <= item.at < cut.ends_at]
        for slot_id in around[:1]:
            if item.fixed or item.seconds <= left[slot_id]:
                found[item.callback_id] = slot_id
                left[slot_id] -= item.seconds
    return found
