"""Unhappy customers: the supervisors' list, and what they decide."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from callback.api.callbacks import CallbackOut
from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import BIGGEST_ID, Body, BodyId, Moment, Out, PathId
from callback.api.versions import IfMatch, check_version, set_etag
from callback.db import dissatisfactions as rows
from callback.db.engine import reading
from callback.db.tables import Dissatisfaction
from callback.domain.account import Scope
from callback.domain.recovery import Finding
from callback.domain.words import (
    Cause,
    ComplaintContent,
    ComplaintNature,
    DissatisfactionRule,
    DissatisfactionState,
    RecoveryStep,
    Severity,
    SubCause,
    Validity,
)
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import dissatisfactions, recoveries

router = APIRouter(tags=["dissatisfactions"])
Reader = Annotated[Principal, Depends(caller(Scope.DISSATISFACTIONS_READ))]
Decider = Annotated[Principal, Depends(caller(Scope.DISSATISFACTIONS_WRITE))]


class DissatisfactionOut(Out):
    """One flag, with the rule that named its severity and everything that fired."""

    id: int
    case_id: int
    customer_id: int
    rule: DissatisfactionRule
    severity: Severity
    state: DissatisfactionState
    failures: int
    evidence: list[dict[str, Any]]
    raised_at: datetime
    age_hours: float
    cause: Cause | None
    sub_cause: SubCause | None
    validity: Validity | None
    nature: ComplaintNature | None
    content: ComplaintContent | None
    lesson: str | None
    lesson_shared_at: datetime | None
    closed_at: datetime | None
    closed_by_id: int | None
    version: int


class SecondCall(Body):
    """Who makes the second call. A rule about persons is overridden only with a reason, which is audited."""

    agent_id: BodyId
    at: Moment | None = None
    override_reason: Annotated[str, Field(min_length=3, max_length=500)] | None = None
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class Review(Body):
    """What was found out about the complaint. What is left out stays as it was found before."""

    cause: Cause | None = None
    sub_cause: SubCause | None = None
    validity: Validity | None = None
    nature: ComplaintNature | None = None
    content: ComplaintContent | None = None
    lesson: Annotated[str, Field(max_length=4_000)] | None = None
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None

    def finding(self) -> Finding:
        return Finding(**self.model_dump(exclude={"version"}))


class Close(Review):
    """The same; the cause has to be known, from now or from before."""


class StepTaken(Body):
    """One of the six steps of handling a complaint."""

    step: RecoveryStep
    note: Annotated[str, Field(max_length=4_000)] = ""
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


@router.get("/dissatisfactions", operation_id="listDissatisfactions")
def list_dissatisfactions(
    house: HouseDep,
    now: Now,
    me: Reader,
    page: PageDep,
    state: Annotated[list[DissatisfactionState] | None, Query(max_length=4)] = None,
    severity: Annotated[list[Severity] | None, Query(max_length=3)] = None,
    case_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
) -> Page[DissatisfactionOut]:
    """Flags, the oldest first; those not settled yet unless states are given."""
    query = rows.listed(states=state or rows.LIVE, severities=severity or (), case_id=case_id)
    with reading(house.sessions) as session:
        return page.select(
            session,
            query,
            lambda flag: _out(flag, now),
            kind="dissatisfactions",
            order=(Dissatisfaction.raised_at, Dissatisfaction.id),
        )


@router.get("/dissatisfactions/{dissatisfaction_id}", operation_id="readDissatisfaction")
def read_dissatisfaction(
    dissatisfaction_id: PathId, house: HouseDep, now: Now, me: Reader, response: Response
) -> DissatisfactionOut:
    """One flag."""
    with reading(house.sessions) as session:
        flag = dissatisfactions.find(session, dissatisfaction_id)
        set_etag(response, flag.version)
        return _out(flag, now)


@router.post("/dissatisfactions/{dissatisfaction_id}/second-call", operation_id="assignSecondCall")
def assign_second_call(
    dissatisfaction_id: PathId,
    body: SecondCall,
    house: HouseDep,
    now: Now,
    me: Decider,
    if_match: IfMatch,
    once: OnceDep,
) -> CallbackOut:
    """Give the second call to an agent, at the next legal moment or at `at`. Rules about moments are not overridden."""
    with house.sessions.begin() as session:

        def run() -> CallbackOut:
            version = _version(dissatisfactions.find(session, dissatisfaction_id), if_match, body.version)
            callback = dissatisfactions.assign_second_call(
                session,
                dissatisfaction_id=dissatisfaction_id,
                agent_id=body.agent_id,
                by=me.agent_id,
                now=now,
                at=body.at,
                override_reason=body.override_reason,
                version=version,
            )
            return CallbackOut.model_validate(callback)

        return once.run(session, me, run, now=now)


@router.post("/dissatisfactions/{dissatisfaction_id}/close", operation_id="closeDissatisfaction")
def close_dissatisfaction(
    dissatisfaction_id: PathId, body: Close, house: HouseDep, now: Now, me: Decider, if_match: IfMatch
) -> DissatisfactionOut:
    """Settle it otherwise, with the cause; a second call that is still to be made is taken back."""
    with house.sessions.begin() as session:
        version = _version(dissatisfactions.find(session, dissatisfaction_id), if_match, body.version)
        flag = dissatisfactions.close(
            session,
            dissatisfaction_id=dissatisfaction_id,
            finding=body.finding(),
            by=me.agent_id,
            now=now,
            version=version,
        )
        session.flush()
        return _out(flag, now)


@router.post("/dissatisfactions/{dissatisfaction_id}/review", operation_id="reviewDissatisfaction")
def review_dissatisfaction(
    dissatisfaction_id: PathId, body: Review, house: HouseDep, now: Now, me: Decider, if_match: IfMatch
) -> DissatisfactionOut:
    """Write down the cause, the kind of the complaint and the lesson, at any time."""
    with house.sessions.begin() as session:
        version = _version(dissatisfactions.find(session, dissatisfaction_id), if_match, body.version)
        flag = recoveries.review(
            session,
            dissatisfaction_id=dissatisfaction_id,
            finding=body.finding(),
            by=me.agent_id,
            now=now,
            version=version,
        )
        session.flush()
        return _out(flag, now)


@router.post("/dissatisfactions/{dissatisfaction_id}/steps", operation_id="takeRecoveryStep")
def take_recovery_step(
    dissatisfaction_id: PathId, body: StepTaken, house: HouseDep, now: Now, me: Decider, if_match: IfMatch
) -> DissatisfactionOut:
    """Note that one of the six steps was taken."""
    with house.sessions.begin() as session:
        version = _version(dissatisfactions.find(session, dissatisfaction_id), if_match, body.version)
        flag = recoveries.take_step(
            session,
            dissatisfaction_id=dissatisfaction_id,
            step=body.step,
            note=body.note,
            by=me.agent_id,
            now=now,
            version=version,
        )
        session.flush()
        return _out(flag, now)


def _version(flag: Dissatisfaction, if_match: int | None, body: int | None) -> int:
    return check_version(flag.version, if_match=if_match, body=body)


def _out(flag: Dissatisfaction, now: datetime) -> DissatisfactionOut:
    shown = {name: getattr(flag, name) for name in DissatisfactionOut.model_fields if name != "age_hours"}
    hours = ((flag.closed_at or now) - flag.raised_at).total_seconds() / 3600
    return DissatisfactionOut.model_validate(shown | {"age_hours": round(hours, 1)})
