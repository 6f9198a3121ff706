"""Calls walked at random: whatever an agent clicks, the hard rules hold and the rows fit each other.

Seeded, so a failure can be repeated; each walk is told by its number.
"""

import random
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from callback.db.engine import SessionFactory
from callback.db.tables import Answer, Attempt, Callback, Case, Dissatisfaction, Response
from callback.domain.script import FieldKind
from callback.domain.words import (
    AttemptState,
    CallbackState,
    CaseStatus,
    Disposition,
    DissatisfactionState,
    Purpose,
)
from callback.errors import CallbackError
from callback.services import attempts
from callback.services.attempts import CallSheet
from callback.services.doctor import INVARIANTS, examine
from callback.services.planning import plan_day
from callback.settings import Settings
from tests.integration.call_centre import Centre

WALKS = 36
SECRET = ("秘密主题", "秘密描述", "秘密答复", "秘密编号")


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


class Walk:
    """One call by one agent who clicks at random."""

    def __init__(self, centre: Centre, number: int) -> None:
        self.centre = centre
        self.chance = random.Random(number)  # noqa: S311  a test that can be repeated
        self.purpose = list(Purpose)[number % len(Purpose)]
        self.agent = centre.agent(f"agent{number}")
        self.acknowledged: dict[str, Any] = {}
        now = centre.now
        closed = self.purpose in (Purpose.SURVEY, Purpose.VISIT)
        self.case_id = centre.case(
            centre.customer(phones=[f"+8613800{number:06}", f"+8613900{number:06}"]),
            subject=SECRET[0],
            description=SECRET[1],
            answer=None if self.purpose is Purpose.HOLDING else SECRET[2],
            external_id=f"{SECRET[3]}{number}",
            status=CaseStatus.CLOSED if closed else CaseStatus.PENDING,
            closed_at=now - timedelta(days=2) if closed else None,
            told_at=now - timedelta(days=2) if closed else None,
        )
        if self.purpose is Purpose.SECOND_CALL:
            centre.flag(self.case_id)
        self.handle = centre.callback(self.agent, case_id=self.case_id, purpose=self.purpose)

    def run(self) -> None:
        call = self.centre.start(self.handle, self.agent)
        self.check(call)
        for _ in range(30):
            if call.node is None or call.node.is_end:
                break
            call = self.click(call)
            self.check(call)
        self.end(call)
        self.check_rows()

    def click(self, call: CallSheet) -> CallSheet:
        if self.chance.random() < 0.1:
            with self.centre.sessions.begin() as session:
                return attempts.back(
                    session, handle=call.attempt, agent_id=self.agent, version=call.version, now=self.centre.now
                )
        self.try_to_answer(call)
        assert call.node is not None
        # "Somebody answers", "yes" and the like come first: most walks get somewhere.
        choices = call.node.choices
        choice = choices[0] if self.chance.random() < 0.7 else self.chance.choice(choices)
        promised = (self.centre.now + timedelta(days=1, hours=4)).isoformat()
        fields = {f.name: promised if f.kind is FieldKind.MOMENT else "随便说说" for f in choice.fields}
        return self.centre.talk(call, self.agent, (choice.key, fields))

    def try_to_answer(self, call: CallSheet) -> None:
        """An answer is taken only from the confirmed person; what was acknowledged is never lost."""
        if self.chance.random() < 0.6 and call.facts.questionnaire is not True:
            return
        refused: str | None = None
        try:
            with self.centre.sessions.begin() as session:
                asked = attempts.question(session, handle=call.attempt, agent_id=self.agent, now=self.centre.now)
                if asked.question is None:
                    return
                name, value = asked.question.name, self.centre.contented(asked.question)
                attempts.answer(
                    session,
                    handle=call.attempt,
                    agent_id=self.agent,
                    question=name,
                    value=value,
                    now=self.centre.now,
                )
        except CallbackError as error:
            refused = error.code
        else:
            self.acknowledged[name] = value
        assert refused == (None if call.identity_at is not None else "identity_first")

    def check(self, call: CallSheet) -> None:
        """Hard rule 7."""
        if call.identity_at is None:
            told = repr(asdict(call))
            assert not [word for word in SECRET if word in told]
        else:
            assert call.about is not None

    def end(self, call: CallSheet) -> None:
        """Try ends until one is accepted; a refused one changes nothing."""
        outcomes = list(Disposition)
        self.chance.shuffle(outcomes)
        if call.facts.disposition is not None:
            outcomes.insert(0, call.facts.disposition)
        for outcome in outcomes:
            before = self.centre.attempt(call.attempt).version
            try:
                self.centre.finish(call, self.agent, outcome)
            except CallbackError:
                assert self.centre.attempt(call.attempt).version == before
                continue
            if outcome in (Disposition.COMPLETED, Disposition.PARTIAL):
                assert call.identity_at is not None
            return
        raise AssertionError("no end is possible")

    def check_rows(self) -> None:
        with self.centre.sessions() as session:
            callback = session.scalars(select(Callback).where(Callback.handle == self.handle)).one()
            attempt = session.scalars(select(Attempt).where(Attempt.callback_id == callback.id)).one()
            case = session.get_one(Case, self.case_id)
            kept = session.scalars(
                select(Answer)
                .join(Response, Response.id == Answer.response_id)
                .where(Response.callback_id == callback.id)
            )
            answers = {answer.question: answer.value for answer in kept}
            flags = session.scalar(
                select(func.count()).where(
                    Dissatisfaction.case_id == case.id,
                    Dissatisfaction.state.in_((DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)),
                )
            )
        assert attempt.state is AttemptState.ENDED
        assert callback.state is not CallbackState.IN_PROGRESS
        assert (callback.lease_until, callback.claimed_by_id) == (None, None)
        assert callback.attempts_made == int(attempt.counts)
        assert callback.state.is_live is (callback.finished_at is None)
        if callback.state in (CallbackState.WAITING, CallbackState.ASSIGNED):
            assert callback.next_try_at is not None
            assert callback.next_try_at >= self.centre.now
        assert answers == {name: value for name, value in self.acknowledged.items() if value is not None}
        assert case.plan_at == self.centre.now
        assert flags is not None
        assert flags <= 1
        if attempt.identity_at is None:
            assert case.told_at is None or case.told_at < self.centre.now
            assert not answers


def test_whatever_is_clicked_the_rules_hold(centre: Centre) -> None:
    walks = [Walk(centre, number) for number in range(WALKS)]
    for number, walk in enumerate(walks):
        try:
            walk.run()
        except AssertionError as error:
            raise AssertionError(f"walk {number}: {error}") from error
    with centre.sessions() as session:
        confirmed = session.scalar(select(func.count()).where(Attempt.identity_at.is_not(None)))
        endings = set(session.scalars(select(Attempt.disposition)))
    assert confirmed is not None
    assert confirmed >= WALKS // 3
    assert len(endings) >= 5
    assert sum(len(walk.acknowledged) for walk in walks) >= 10
    assert broken_invariants(centre) == {}


def broken_invariants(centre: Centre) -> dict[str, object]:
    """What `callback doctor` says after the planner has looked at what the calls left."""
    plan_day(centre.sessions, now=centre.now, zone=ZoneInfo("Asia/Shanghai"), carriers=frozenset())
    with centre.sessions() as session:
        return {one.name: one.examples for one in examine(session, INVARIANTS, now=centre.now) if not one.holds}
