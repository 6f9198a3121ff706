"""A small town for tests: agents with shifts, customers with telephones, cases in every condition."""

from datetime import datetime, time, timedelta
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from callback.db.engine import SessionFactory
from callback.db.tables import Agent, Case, ContactPoint, Customer, Dissatisfaction, Shift
from callback.domain.words import (
    CaseStatus,
    ContactKind,
    DissatisfactionRule,
    Role,
    Severity,
)

HOUR = timedelta(hours=1)
_numbers = count(1)


def add_agent(
    session: Session,
    login: str,
    *,
    now: datetime,
    hours: tuple[tuple[time, time], ...] = ((time(9), time(12)), (time(14), time(20))),
    days: range = range(7),
    **columns: Any,
) -> Agent:
    """An agent who works `hours` on `days` (Monday is 0), in Shanghai unless told otherwise."""
    agent = Agent(
        login=login,
        **{
            "name": login.title(),
            "number": f"N-{login}",
            "role": Role.AGENT,
            "languages": ["zh", "en"],
            "skills": [],
            "time_zone": "Asia/Shanghai",
            "created_at": now,
            **columns,
        },
    )
    session.add(agent)
    session.flush()
    session.add_all(
        Shift(agent_id=agent.id, weekday=day, starts=start, ends=end) for day in days for start, end in hours
    )
    return agent


def add_customer(session: Session, *, now: datetime, phone: str | None = "new", **columns: Any) -> Customer:
    """A customer in Shanghai with a telephone of their own; `phone=None` for one whom nobody can reach."""
    number = next(_numbers)
    customer = Customer(
        **{
            "source": "town",
            "external_id": f"customer-{number}",
            "name": f"王小{number}",
            "language": "zh",
            "country": "CN",
            "time_zone": "Asia/Shanghai",
            "created_at": now,
            "updated_at": now,
            **columns,
        }
    )
    if phone is not None:
        address = f"+86139{number:08d}" if phone == "new" else phone
        customer.contact_points.append(ContactPoint(kind=ContactKind.MOBILE, address=address, fictional=True))
    session.add(customer)
    session.flush()
    return customer


def add_case(session: Session, customer: Customer, *, now: datetime, **columns: Any) -> Case:
    """An open case, due for planning; give the columns that make it another."""
    number = next(_numbers)
    case = Case(
        **{
            "source": "town",
            "external_id": f"case-{number}",
            "customer_id": customer.id,
            "subject": "宽带经常掉线",
            "description": "每天晚上八点以后断线。",
            "status": CaseStatus.OPEN,
            "opened_at": now,
            "plan_at": now,
            "created_at": now,
            "updated_at": now,
            **columns,
        }
    )
    session.add(case)
    session.flush()
    return case


def make_unhappy(session: Session, case: Case, *, at: datetime, **columns: Any) -> Dissatisfaction:
    """Raise a flag on `case` and wake the planner."""
    flag = Dissatisfaction(
        **{
            "case_id": case.id,
            "customer_id": case.customer_id,
            "rule": DissatisfactionRule.LOW_SCORE,
            "severity": Severity.MAJOR,
            "evidence": [{"rule": "low_score", "value": 1}],
            "raised_at": at,
            **columns,
        }
    )
    session.add(flag)
    case.plan_at = at
    session.flush()
    return flag


def fill(
    sessions: SessionFactory,
    now: datetime,
    *,
    cases: int,
    due: timedelta = HOUR,
    team_id: int | None = None,
) -> None:
    """Cases with an answer that nobody has told yet, each of a customer of its own, promised within `due`."""
    with sessions.begin() as session:
        for _ in range(cases):
            customer = add_customer(session, now=now)
            add_case(
                session, customer, now=now, promised_at=now + due, team_id=team_id, answer="已修好", answered_at=now,
                status=CaseStatus.PENDING,
            )  # fmt: skip
