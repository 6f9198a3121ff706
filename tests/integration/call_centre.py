"""A small centre for the tests of calls: people, customers, cases, callbacks that are placed, and a way to talk."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select, update

from callback.db.engine import SessionFactory
from callback.db.tables import (
    Agent,
    Attempt,
    Callback,
    Case,
    ContactPoint,
    Customer,
    Dissatisfaction,
    Shift,
    Slot,
    Team,
)
from callback.domain.handle import new_handle
from callback.domain.survey import Question, QuestionType, Value
from callback.domain.words import (
    CallbackState,
    CaseStatus,
    Channel,
    ContactKind,
    Disposition,
    DissatisfactionRule,
    DissatisfactionState,
    Purpose,
    Role,
    Severity,
)
from callback.services import attempts, questionnaires
from callback.services.attempts import CallSheet, Finished, HandedIn
from callback.settings import Settings
from tests.content import seed_scripts

REACHED = ("1", "1")
"""Somebody answers; it is the person."""
TOLD_AND_ACCEPTED = (*REACHED, "1", "1", "1", "1", "1", "1")
"""Introduced, convenient, told, understood, accepted, no new need."""


@dataclass
class Centre:
    sessions: SessionFactory
    settings: Settings
    now: datetime
    numbers: Any = field(default_factory=lambda: count(1))

    def open(self) -> "Centre":
        with self.sessions.begin() as session:
            seed_scripts(session, self.now)
            questionnaires.seed_content(session, self.now)
        return self

    def agent(self, login: str, *, role: Role = Role.AGENT, shifts: bool = True, **columns: Any) -> int:
        with self.sessions.begin() as session:
            agent = Agent(
                **{
                    "login": login,
                    "name": login.title(),
                    "number": f"N-{login}",
                    "role": role,
                    "languages": ["zh", "en"],
                    "time_zone": "Asia/Shanghai",
                    "created_at": self.now,
                    **columns,
                }
            )
            session.add(agent)
            session.flush()
            if shifts:
                for weekday in range(7):
                    session.add(Shift(agent_id=agent.id, weekday=weekday, starts=time(9), ends=time(20)))
            return agent.id

    def team(self, name: str = "North") -> int:
        with self.sessions.begin() as session:
            team = Team(name=name, created_at=self.now)
            session.add(team)
            session.flush()
            return team.id

    def customer(self, *, phones: Iterable[str] = ("+8613800138000",), **columns: Any) -> int:
        with self.sessions.begin() as session:
            customer = Customer(
                **{
                    "source": "test",
                    "external_id": f"K{next(self.numbers)}",
                    "name": "王小明",
                    "language": "zh",
                    "country": "CN",
                    "time_zone": "Asia/Shanghai",
                    "created_at": self.now,
                    "updated_at": self.now,
                    **columns,
                }
            )
            session.add(customer)
            session.flush()
            for position, phone in enumerate(phones):
                point = ContactPoint(kind=ContactKind.MOBILE, address=phone, position=position, fictional=True)
                point.customer_id = customer.id
                session.add(point)
            return customer.id

    def case(self, customer_id: int | None = None, **columns: Any) -> int:
        with self.sessions.begin() as session:
            case = Case(
                **{
                    "source": "test",
                    "external_id": f"C{next(self.numbers)}",
                    "customer_id": customer_id if customer_id is not None else self.customer(),
                    "subject": "电梯经常停运",
                    "description": "三号楼的电梯上周停了四次。",
                    "answer": "维修已经完成。",
                    "status": CaseStatus.PENDING,
                    "opened_at": self.now - timedelta(days=2),
                    "answered_at": self.now - timedelta(hours=1),
                    "created_at": self.now,
                    "updated_at": self.now,
                    **columns,
                }
            )
            session.add(case)
            session.flush()
            return case.id

    def callback(
        self, agent_id: int | None, *, purpose: Purpose = Purpose.ANSWER, case_id: int | None = None, **columns: Any
    ) -> str:
        """A callback that is placed on the agent's list now; its handle."""
        case_id = case_id if case_id is not None else self.case()
        with self.sessions.begin() as session:
            case = session.get_one(Case, case_id)
            placed = agent_id is not None
            callback = Callback(
                **{
                    "handle": new_handle(),
                    "case_id": case_id,
                    "customer_id": case.customer_id,
                    "purpose": purpose,
                    "channel": Channel.AGENT,
                    "state": CallbackState.ASSIGNED if placed else CallbackState.WAITING,
                    "priority": 50,
                    "earliest_at": self.now - timedelta(hours=1),
                    "due_at": self.now + timedelta(hours=8),
                    "agent_id": agent_id,
                    "planned_at": self.now if placed else None,
                    "created_at": self.now,
                    "updated_at": self.now,
                    **columns,
                }
            )
            session.add(callback)
            session.flush()
            return callback.handle

    def place(self, handle: str, agent_id: int, at: datetime) -> None:
        """What the planner does with a waiting callback."""
        with self.sessions.begin() as session:
            session.execute(
                update(Callback)
                .where(Callback.handle == handle)
                .values(state=CallbackState.ASSIGNED, blocked_by=None, agent_id=agent_id, planned_at=at)
            )

    def slot(self, agent_id: int, starts_at: datetime, *, minutes: int = 30) -> int:
        with self.sessions.begin() as session:
            slot = Slot(agent_id=agent_id, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=minutes))
            session.add(slot)
            session.flush()
            return slot.id

    def flag(self, case_id: int, *, raised_at: datetime | None = None, **columns: Any) -> int:
        with self.sessions.begin() as session:
            case = session.get_one(Case, case_id)
            flag = Dissatisfaction(
                **{
                    "case_id": case_id,
                    "customer_id": case.customer_id,
                    "team_id": case.team_id,
                    "rule": DissatisfactionRule.LOW_SCORE,
                    "severity": Severity.MINOR,
                    "evidence": [{"source": "import", "rating": 2}],
                    "state": DissatisfactionState.OPEN,
                    "raised_at": raised_at or self.now - timedelta(days=1),
                    **columns,
                }
            )
            session.add(flag)
            session.flush()
            return flag.id

    # ── Talking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, handle: str, agent_id: int, *, now: datetime | None = None) -> CallSheet:
        with self.sessions.begin() as session:
            return attempts.start(
                session, handle=handle, agent_id=agent_id, now=now or self.now, settings=self.settings
            )

    def talk(
        self,
        call: CallSheet,
        agent_id: int,
        *choices: str | tuple[str, dict[str, Any]],
        now: datetime | None = None,
    ) -> CallSheet:
        """Take these choices of the script, each in a transaction of its own."""
        for choice in choices:
            key, fields = choice if isinstance(choice, tuple) else (choice, {})
            with self.sessions.begin() as session:
                call = attempts.step(
                    session,
                    handle=call.attempt,
                    agent_id=agent_id,
                    choice=key,
                    fields=fields,
                    version=call.version,
                    now=now or self.now,
                )
        return call

    def answer(self, call: CallSheet, agent_id: int, answers: dict[str, Any], *, now: datetime | None = None) -> None:
        """Answer whatever is asked: `answers` by question name, `*` for every other; None skips."""
        now = now or self.now
        with self.sessions.begin() as session:
            asked = attempts.question(session, handle=call.attempt, agent_id=agent_id, now=now)
        while asked.question is not None:
            name = asked.question.name
            value = answers[name] if name in answers else self.contented(asked.question)
            with self.sessions.begin() as session:
                asked = attempts.answer(
                    session, handle=call.attempt, agent_id=agent_id, question=name, value=value, now=now
                )
            assert asked.invalid is None, (name, value, asked.invalid)

    @staticmethod
    def contented(question: Question) -> Value | None:
        """A contented answer of the question's kind."""
        if question.is_text:
            return "都很好"
        if question.type is QuestionType.RATING:
            return question.options[-1].value
        return question.options[0].value if question.type is QuestionType.RADIOGROUP else True

    def finish(
        self, call: CallSheet, agent_id: int, outcome: Disposition, *, now: datetime | None = None, **handed_in: Any
    ) -> Finished:
        with self.sessions.begin() as session:
            return attempts.finish(
                session,
                handle=call.attempt,
                agent_id=agent_id,
                handed_in=HandedIn(outcome=outcome, **handed_in),
                now=now or self.now,
            )

    # ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, handle: str) -> Callback:
        with self.sessions() as session:
            return session.scalars(select(Callback).where(Callback.handle == handle)).one()

    def attempt(self, handle: str) -> Attempt:
        with self.sessions() as session:
            return session.scalars(select(Attempt).where(Attempt.handle == handle)).one()

    def the_case(self, case_id: int) -> Case:
        with self.sessions() as session:
            return session.get_one(Case, case_id)
