"""Winning an unhappy customer back: causes of three kinds, and the three changes (三变法).

From the source document on complaints: a complaint has its cause in what we did, in the customer's own oversight or
misunderstanding, or in the product and its equipment. An angry customer calms down when the person, the place and the
time of the next contact are others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from callback.domain.words import (
    Cause,
    Channel,
    ComplaintContent,
    ComplaintNature,
    PartOfDay,
    SubCause,
    Validity,
)

SUB_CAUSES: Mapping[Cause, tuple[SubCause, ...]] = MappingProxyType(
    {
        Cause.SERVICE: (SubCause.EXPLANATION, SubCause.AGREEMENT, SubCause.ATTITUDE),
        Cause.MISUNDERSTANDING: (SubCause.OVERSIGHT, SubCause.MISREADING),
        Cause.PRODUCT: (SubCause.DEFECT, SubCause.EQUIPMENT),
    }
)
CAUSE_OF: Mapping[SubCause, Cause] = MappingProxyType(
    {sub: cause for cause, subs in SUB_CAUSES.items() for sub in subs}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a supervisor found out about a complaint. None leaves what was found before."""

    sub_cause: SubCause | None = None
    cause: Cause | None = None
    """May be left out: each finer cause belongs to one."""
    validity: Validity | None = None
    nature: ComplaintNature | None = None
    content: ComplaintContent | None = None
    lesson: str | None = None

    @property
    def contradicts_itself(self) -> bool:
        """The finer cause belongs to another kind than the one that is named."""
        return None not in (self.cause, self.sub_cause) and self.sub_cause not in SUB_CAUSES[self.cause]  # type: ignore[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacted:
    """One conversation as it was: who, from where, over what, when in the customer's day."""

    agent_id: int | None
    team_id: int | None
    channel: Channel
    address: str | None
    part_of_day: PartOfDay
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeChanges:
    """What differs in the later contact; None: there has been none yet, or it is not known."""

    person: bool | None
    place: bool | None
    """Another team, another channel, or another number of the customer: on the telephone, that is another place."""
    time: bool | None

    @property
    def all(self) -> bool:
        return bool(self.person and self.place and self.time)


def three_changes(first: Contacted | None, later: Contacted | None) -> ThreeChanges:
    if first is None or later is None:
        return ThreeChanges(person=None, place=None, time=None)
    places = ((one.team_id, one.channel, one.address) for one in (first, later))
    return ThreeChanges(
        person=None if None in (first.agent_id, later.agent_id) else first.agent_id != later.agent_id,
        place=next(places) != next(places),
        time=first.part_of_day is not later.part_of_day,
    )
