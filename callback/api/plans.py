"""Planning, explanations, reassignments and visits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from callback.api.idempotency import OnceDep
from callback.api.schemas import Body, BodyId, Handle, Moment, Out, PathId
from callback.db.agents import names_of
from callback.db.engine import reading
from callback.db.jobs import enqueue
from callback.domain.account import Scope
from callback.entrance import HouseDep, LanguageDep, Now, Principal, caller, own_or_supervisor
from callback.errors import Invalid
from callback.services import alternatives, audit, explanations, findings, moves, reassignments, visits
from callback.services.cases import find_case
from callback.texts import Language

router = APIRouter(tags=["plans"])
Planner = Annotated[Principal, Depends(caller(Scope.PLANS_WRITE))]
Reader = Annotated[Principal, Depends(caller(Scope.CALLBACKS_READ))]
Mover = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WRITE))]


class PlanAccepted(Out):
    queued: bool = True


@router.post("/plans", status_code=202, operation_id="requestPlan")
def request_plan(house: HouseDep, now: Now, me: Planner) -> PlanAccepted:
    """Ask the workers to plan now. Asking again before it has started is asking once."""
    with house.sessions.begin() as session:
        enqueue(session, "plan", queueing_lock="plan")
        audit.record(session, now=now, actor_id=me.agent_id, action="plan.requested", subject_kind="plan")
    return PlanAccepted()


class Explained(Out):
    """Why a callback is what it is: sentences for people, and the facts behind them."""

    callback: str
    sentences: list[str]
    allowed_now: bool
    next_legal_at: datetime | None
    may: list[int] = Field(description="Agents who may make this call.")
    may_not: dict[int, str] = Field(description="Agents who may not, each with the code of the rule that says so.")


@router.get("/callbacks/{handle}/explanation", operation_id="explainCallback")
def explain_callback(handle: Handle, house: HouseDep, now: Now, me: Reader, language: LanguageDep) -> Explained:
    """Why this purpose, why now or not yet, the next legal moment, who may and may not call and by which rule, and
    the places that lost with their price."""
    with reading(house.sessions) as session:
        callback = explanations.find(session, handle)
        own_or_supervisor(me, callback.agent_id, "callback_not_found")
        explanation = explanations.explain(session, callback, now=now)
        weighed = alternatives.weigh(session, callback, now=now, zone=house.zone)
        return Explained(
            callback=callback.handle,
            sentences=[
                *explanations.tell(explanation, language),
                *alternatives.tell(weighed, language, house.zone),
            ],
            allowed_now=not explanation.refusals and callback.state.is_live,
            next_legal_at=explanation.next_legal,
            may=[agent_id for agent_id, _ in explanation.may],
            may_not={agent_id: refused[0].reason for agent_id, _, refused in explanation.may_not},
        )


class FaultOut(Out):
    """Something that the supervisor has to put right before the plan can be better."""

    code: str
    who: str = Field(description="An agent's name, a callback's handle, or a skill.")
    sentence: str


@router.get("/plans/findings", operation_id="listPlanFindings")
def list_findings(house: HouseDep, now: Now, me: Planner, language: LanguageDep) -> list[FaultOut]:
    """Impossible shifts, agents who can do nothing, contradictory pins, deadlines that passed, and what is blocked."""
    with reading(house.sessions) as session:
        return [
            FaultOut(code=f.code, who=f.who, sentence=findings.tell(f, language, zone=house.zone))
            for f in findings.find_faults(session, now=now)
        ]


class Reassign(Body):
    """Which callbacks go to whom. Name callbacks, or the agent whose whole list is moved."""

    callbacks: list[Annotated[str, Field(min_length=8, max_length=64)]] = Field(default_factory=list, max_length=20_000)
    from_agent: BodyId | None = None
    to: list[BodyId] | None = Field(default=None, max_length=500, description="Who takes them; left out: anybody.")
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    dry_run: bool = Field(default=False, description="Show what would be moved, and change nothing.")


class MovedOut(Out):
    callback: str
    agent_id: int
    at: datetime


class StaysOut(Out):
    callback: str
    reason: str
    sentence: str


class Reassigned(Out):
    moved: list[MovedOut]
    stays: list[StaysOut]


@router.post("/reassignments", operation_id="reassignCallbacks")
def reassign(body: Reassign, house: HouseDep, now: Now, me: Mover, language: LanguageDep, once: OnceDep) -> Reassigned:
    """Move callbacks to other agents, the hard rules kept; what could not be moved is named with its reason."""
    with house.sessions.begin() as session:

        def run() -> Reassigned:
            if bool(body.callbacks) == (body.from_agent is not None):
                raise Invalid("reassign_which")
            if body.from_agent is not None:
                ids = reassignments.of_agent(session, body.from_agent)
            else:
                ids = reassignments.by_handles(session, body.callbacks)
            outcome = reassignments.reassign(
                session,
                callback_ids=ids,
                to=frozenset(body.to) if body.to is not None else None,
                by=me.agent_id,
                reason=body.reason,
                now=now,
                zone=house.zone,
                leaving=body.from_agent,
                dry_run=body.dry_run,
            )
            return _reassigned(outcome, language, names_of(session, moves.agents_named(outcome.stays)))

        return once.run(session, me, run, now=now)


def _reassigned(outcome: reassignments.Outcome, language: Language, names: Mapping[int, str]) -> Reassigned:
    return Reassigned(
        moved=[MovedOut(callback=m.handle, agent_id=m.agent_id, at=m.at) for m in outcome.moved],
        stays=[StaysOut(callback=s.handle, reason=s.reason, sentence=s.tell(language, names)) for s in outcome.stays],
    )


class NewVisit(Body):
    earliest_at: Moment
    due_at: Moment


class VisitOut(Out):
    handle: str
    earliest_at: datetime
    due_at: datetime


@router.post("/cases/{case_id}/visits", status_code=201, operation_id="arrangeVisit")
def arrange_visit(case_id: PathId, body: NewVisit, house: HouseDep, now: Now, me: Mover, once: OnceDep) -> VisitOut:
    """Arrange a visit call about a case (定期回访); the next planning gives it an agent and a slot."""
    with house.sessions.begin() as session:

        def run() -> VisitOut:
            callback = visits.arrange(
                session,
                case=find_case(session, case_id),
                earliest_at=body.earliest_at,
                due_at=body.due_at,
                by=me.agent_id,
                now=now,
            )
            return VisitOut.model_validate(callback)

        return once.run(session, me, run, now=now)
