"""When an agent works."""

from datetime import date, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, Field, PlainSerializer, WithJsonSchema

from callback.api.schemas import Body, Day, Out, PathId, ShortText, Version
from callback.api.versions import IfMatch, check_version, set_etag
from callback.db.engine import reading
from callback.domain.account import Scope
from callback.domain.roster import Stretch
from callback.entrance import HouseDep, Now, Principal, caller, own_or_supervisor
from callback.errors import Invalid
from callback.services import agents, shifts

router = APIRouter(tags=["shifts"])

Reader = Annotated[Principal, Depends(caller(Scope.ME))]
Writer = Annotated[Principal, Depends(caller(Scope.SHIFTS_WRITE))]
LONGEST_LOOK = timedelta(days=400)


def _wall_clock(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("must have no zone: it is the agent's wall-clock time")
    return value.replace(second=0, microsecond=0)


WallTime = Annotated[
    time,
    AfterValidator(_wall_clock),
    PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "examples": ["09:00"]}),
]
"""To the minute. Not the format `time` of JSON Schema, which has a zone."""


class ShiftOut(Out):
    weekday: int
    starts: WallTime
    ends: WallTime


class ExceptionOut(Out):
    """Both times null: absent that day."""

    day: date
    starts: WallTime | None
    ends: WallTime | None
    reason: str | None


class WeekOut(Out):
    agent_id: int
    version: int
    time_zone: str
    pattern: list[ShiftOut]
    exceptions: list[ExceptionOut]


class ShiftBody(Body):
    weekday: Annotated[int, Field(ge=0, le=6, description="0 is Monday.")]
    starts: WallTime
    ends: WallTime


class PatternBody(Body):
    pattern: Annotated[list[ShiftBody], Field(max_length=50)]
    version: Version | None = None


class HoursBody(Body):
    starts: WallTime
    ends: WallTime


class DayBody(Body):
    hours: Annotated[list[HoursBody], Field(max_length=10, description="Empty: absent.")]
    reason: ShortText | None = None
    version: Version | None = None


class AbsenceBody(Body):
    first: Day
    last: Day
    reason: ShortText | None = None
    version: Version | None = None


@router.get("/agents/{agent_id}/shifts", operation_id="readShifts")
def read_shifts(
    agent_id: PathId,
    house: HouseDep,
    now: Now,
    me: Reader,
    response: Response,
    since: Annotated[Day | None, Query(description="Exceptions from this day on; default today.")] = None,
    until: Annotated[Day | None, Query(description="Default: 60 days after `since`.")] = None,
) -> WeekOut:
    """The week pattern and the days that differ. Agents see their own alone."""
    own_or_supervisor(me, agent_id, "agent_not_found")
    since = since or now.date() - timedelta(days=1)
    until = until or since + timedelta(days=60)
    if not timedelta(0) <= until - since <= LONGEST_LOOK:
        raise Invalid("period_not_valid", days=LONGEST_LOOK.days)
    with reading(house.sessions) as session:
        week = shifts.week_of(session, agent_id, since=since, until=until)
        set_etag(response, week.version)
        return WeekOut.model_validate(week)


@router.put("/agents/{agent_id}/shifts", status_code=204, operation_id="replaceShifts")
def replace_shifts(
    agent_id: PathId, body: PatternBody, house: HouseDep, now: Now, me: Writer, if_match: IfMatch
) -> None:
    """Replace the week pattern."""
    pattern = [Stretch(shift.weekday, shift.starts, shift.ends) for shift in body.pattern]
    with house.sessions.begin() as session:
        present = agents.get(session, agent_id).version
        version = check_version(present, if_match=if_match, body=body.version)
        shifts.set_pattern(session, agent_id, pattern, version=version, now=now, actor_id=me.agent_id)


@router.put("/agents/{agent_id}/days/{day}", status_code=204, operation_id="replaceDay")
def replace_day(
    agent_id: PathId, day: Day, body: DayBody, house: HouseDep, now: Now, me: Writer, if_match: IfMatch
) -> None:
    """Other hours on one day, or absent."""
    with house.sessions.begin() as session:
        present = agents.get(session, agent_id).version
        shifts.set_day(
            session,
            agent_id,
            day,
            [shifts.Hours(hours.starts, hours.ends) for hours in body.hours],
            reason=body.reason,
            version=check_version(present, if_match=if_match, body=body.version),
            now=now,
            actor_id=me.agent_id,
        )


@router.delete("/agents/{agent_id}/days/{day}", status_code=204, operation_id="clearDay")
def clear_day(agent_id: PathId, day: Day, house: HouseDep, now: Now, me: Writer, if_match: IfMatch) -> None:
    """Back to the week pattern on this day. Asks for `If-Match`."""
    with house.sessions.begin() as session:
        present = agents.get(session, agent_id).version
        version = check_version(present, if_match=if_match, body=None)
        shifts.clear_day(session, agent_id, day, version=version, now=now, actor_id=me.agent_id)


@router.post("/agents/{agent_id}/absences", status_code=204, operation_id="enterAbsence")
def enter_absence(
    agent_id: PathId, body: AbsenceBody, house: HouseDep, now: Now, me: Writer, if_match: IfMatch
) -> None:
    """Absent from `first` to `last`, both included. Entering it twice is entering it once."""
    with house.sessions.begin() as session:
        present = agents.get(session, agent_id).version
        shifts.set_absent(
            session,
            agent_id,
            first=body.first,
            last=body.last,
            reason=body.reason,
            version=check_version(present, if_match=if_match, body=body.version),
            now=now,
            actor_id=me.agent_id,
        )
