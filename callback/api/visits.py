"""Recurring visits: the plans that make them. A single visit is arranged at the case (`plans`)."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from callback.api.idempotency import OnceDep
from callback.api.schemas import Body, BodyId, Day, Name, Out, PathId
from callback.db import visits as rows
from callback.db.engine import reading
from callback.domain.account import Scope
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import visits

router = APIRouter(tags=["visits"])
Planner = Annotated[Principal, Depends(caller(Scope.PLANS_WRITE))]

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, Field(pattern=r"^(zh|en)$")]
Region = Annotated[str, Field(min_length=1, max_length=64)]
Weekday = Annotated[int, Field(ge=0, le=6, description="Monday is 0.")]


class NewVisitPlan(Body):
    """One customer, or everybody in a segment; what is left out does not matter."""

    name: Name
    every_months: Annotated[int, Field(ge=1, le=60)]
    starts_on: Day
    customer_id: BodyId | None = None
    countries: list[Country] = Field(default_factory=list, max_length=300)
    languages: list[Language] = Field(default_factory=list, max_length=2)
    regions: list[Region] = Field(default_factory=list, max_length=300)
    special: bool | None = None
    weekdays: list[Weekday] = Field(default_factory=list, max_length=7)
    within_days: Annotated[int, Field(ge=1, le=60)] = 7
    rest_days: Annotated[int, Field(ge=0, le=365)] = 30


class VisitPlanOut(Out):
    id: int
    name: str
    customer_id: int | None
    segment: dict[str, Any]
    every_months: int
    weekdays: list[int]
    within_days: int
    rest_days: int
    starts_on: date
    active: bool
    created_at: datetime
    version: int


class VisitPlanState(Body):
    active: bool


@router.get("/visit-plans", operation_id="listVisitPlans")
def list_visit_plans(house: HouseDep, me: Planner) -> list[VisitPlanOut]:
    """Every recurring plan."""
    with reading(house.sessions) as session:
        return [VisitPlanOut.model_validate(plan) for plan in rows.plans(session)]


@router.post("/visit-plans", status_code=201, operation_id="createVisitPlan")
def create_visit_plan(body: NewVisitPlan, house: HouseDep, me: Planner, now: Now, once: OnceDep) -> VisitPlanOut:
    """A new plan; whoever is in the segment now or later comes under it."""
    with house.sessions.begin() as session:

        def run() -> VisitPlanOut:
            said = body.model_dump()
            given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in said.items()}
            plan = visits.create_plan(session, visits.NewPlan(**given), by=me.agent_id, now=now)
            return VisitPlanOut.model_validate(plan)

        return once.run(session, me, run, now=now)


@router.put("/visit-plans/{plan_id}/state", operation_id="setVisitPlanState")
def set_visit_plan_state(plan_id: PathId, body: VisitPlanState, house: HouseDep, me: Planner, now: Now) -> VisitPlanOut:
    """Stop a plan or let it go on. Visits that are planned stay."""
    with house.sessions.begin() as session:
        plan = visits.set_active(session, visits.find_plan(session, plan_id), body.active, by=me.agent_id, now=now)
        session.flush()
        return VisitPlanOut.model_validate(plan)
