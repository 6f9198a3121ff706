"""An agent is away: looked at with one click, done with the next."""

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Path, Response

from callback.domain.account import Scope
from callback.domain.words import Role
from callback.errors import Invalid
from callback.services import absences, agents
from callback.web.desk import Desk, at_desk
from callback.web.plan.placing import done
from callback.web.reassign import shown

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.SHIFTS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
AgentId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Day = Annotated[str, Form(max_length=10)]


@router.post("/plan/absent/{agent_id}/preview")
def preview(desk: Leader, agent_id: AgentId, first: Day = "", last: Day = "") -> Response:
    """What would move. Without days: today, on the agent's own calendar."""
    with desk.begin() as session:
        agent = agents.get(session, agent_id)
        today = desk.now.astimezone(ZoneInfo(agent.time_zone)).date()
        since, until = _days(first, last, today)
        outcome = absences.preview(session, agent_id, first=since, last=until, now=desk.now, zone=desk.house.zone)
        values = shown(session, desk, outcome)
        name = agent.name
    return desk.fragment(
        "plan/absent.html", agent_id=agent_id, agent_name=name, first=since, last=until, today=today, outcome=outcome,
        **values,
    )  # fmt: skip


@router.post("/plan/absent/{agent_id}")
def enter(
    desk: Leader,
    agent_id: AgentId,
    first: Day = "",
    last: Day = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Enter the absence and give the calls to others, in one transaction."""
    with desk.begin() as session:
        agent = agents.get(session, agent_id)
        since, until = _days(first, last, desk.now.astimezone(ZoneInfo(agent.time_zone)).date())
        outcome = absences.enter(
            session, agent_id, first=since, last=until, reason=reason.strip(), by=desk.me.agent_id, now=desk.now,
            zone=desk.house.zone,
        )  # fmt: skip
        name = agent.name
    code = "plan_desk.absent_done" if not outcome.stays else "plan_desk.absent_done_some"
    return done(desk, code, undo=outcome.move_id, name=name, moved=len(outcome.moved), stays=len(outcome.stays))


def _days(first: str, last: str, today: date) -> tuple[date, date]:
    try:
        since = date.fromisoformat(first) if first else today
        return since, date.fromisoformat(last) if last else since
    except ValueError as error:
        raise Invalid("absence_days") from error
