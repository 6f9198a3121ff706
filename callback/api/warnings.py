"""Early warning: promises that will break with the people there are."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from callback.api.schemas import Out
from callback.db.engine import reading
from callback.domain.account import Scope
from callback.domain.words import Purpose
from callback.entrance import HouseDep, LanguageDep, Now, Principal, caller
from callback.services import warnings
from callback.texts import say

router = APIRouter(tags=["warnings"])
Reader = Annotated[Principal, Depends(caller(Scope.REPORTS_READ))]


class BreakingPromiseOut(Out):
    case_id: int
    callback: str | None = Field(description="None where there is no call yet.")
    purpose: Purpose
    due_at: datetime
    reason: str
    sentence: str


class ShortageOut(Out):
    """What is missing until the end of a day of the centre."""

    day: date
    language: str
    skill: str | None
    calls: int
    agent_hours: float


class WarningsOut(Out):
    until: datetime
    calls: int
    agent_hours: float
    count: int = Field(description="Of all promises that will break; `warnings` has the first of them.")
    warnings: list[BreakingPromiseOut]
    shortages: list[ShortageOut]


@router.get("/warnings", operation_id="listWarnings")
def list_warnings(
    house: HouseDep,
    me: Reader,
    now: Now,
    language: LanguageDep,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> WarningsOut:
    """Promises that will not be kept with the shifts that are entered, earliest due first, and the hours missing."""
    with reading(house.sessions) as session:
        report = warnings.look_ahead(session, now=now, zone=house.zone)
    return WarningsOut(
        until=report.until,
        calls=report.calls,
        agent_hours=report.agent_hours,
        count=len(report.warnings),
        warnings=[
            BreakingPromiseOut(
                case_id=found.case_id,
                callback=found.callback,
                purpose=found.purpose,
                due_at=found.due_at,
                reason=found.reason,
                sentence=say(f"warning.{found.reason}", language),
            )
            for found in report.warnings[:limit]
        ],
        shortages=[ShortageOut.model_validate(lack) for lack in report.shortages],
    )
