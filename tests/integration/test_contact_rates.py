"""Dials are counted once, in the right slot, and what is learned comes out of commands and the API."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from callback.cli import app as cli
from callback.db import contact_rates as rows
from callback.db.engine import SessionFactory
from callback.db.policies import save_policy
from callback.db.tables import Attempt, Callback, ContactPoint, ContactTrial, Customer
from callback.domain.contact import Arm, Cell, PairCell, PairTally, Tally, arm_of
from callback.domain.disposition import aapor_code
from callback.domain.handle import new_handle
from callback.domain.moment import part_of_day
from callback.domain.words import AttemptState, CallbackState, Channel, ContactKind, Disposition, PartOfDay, Purpose
from callback.services import contact_rates
from tests.integration.conftest import Desk
from tests.town import add_case, add_customer, make_unhappy

MOBILE = ContactKind.MOBILE
TEN = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
"""Wednesday morning in Shanghai, and still Tuesday evening in New York."""


def callback_of(session: Session, customer: Customer, *, now: datetime) -> Callback:
    case = add_case(session, customer, now=now)
    callback = Callback(
        handle=new_handle(),
        case_id=case.id,
        customer_id=customer.id,
        purpose=Purpose.ANSWER,
        channel=Channel.AGENT,
        state=CallbackState.WAITING,
        priority=50,
        earliest_at=now,
        due_at=now + timedelta(days=1),
        created_at=now,
        updated_at=now,
    )
    session.add(callback)
    session.flush()
    return callback


def dial(
    session: Session, callback: Callback, disposition: Disposition | None, *, at: datetime, **columns: Any
) -> None:
    customer = session.get_one(Customer, callback.customer_id)
    point = customer.contact_points[0]
    session.add(
        Attempt(
            **{
                "handle": new_handle(),
                "callback_id": callback.id,
                "case_id": callback.case_id,
                "customer_id": customer.id,
                "contact_point_id": point.id,
                "address": point.address,
                "channel": Channel.AGENT,
                "state": AttemptState.ENDED if disposition else AttemptState.CONNECTED,
                "disposition": disposition,
                "aapor_code": aapor_code(disposition) if disposition else None,
                "part_of_day": part_of_day(at, ZoneInfo(customer.time_zone)),
                "started_at": at,
                **columns,
            }
        )
    )
    session.flush()


def test_an_attempt_is_counted_once_in_its_slot(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        here = callback_of(session, add_customer(session, now=TEN), now=TEN)
        there = callback_of(session, add_customer(session, now=TEN, time_zone="America/New_York"), now=TEN)
        dial(session, here, Disposition.NO_ANSWER, at=TEN)
        dial(session, there, Disposition.COMPLETED, at=TEN)
        dial(session, here, None, at=TEN + timedelta(hours=4))
    assert contact_rates.learn(sessions) == 2
    assert contact_rates.learn(sessions) == 0
    with sessions.begin() as session:
        assert rows.counts(session) == {
            Cell(MOBILE, PartOfDay.MORNING, 2): Tally(1, 0),
            Cell(MOBILE, PartOfDay.EVENING, 1): Tally(1, 1),
        }
        # The conversation that was still going on ends: it was a second dial, and tells about its slot nothing.
        session.execute(
            update(Attempt)
            .where(Attempt.state == AttemptState.CONNECTED)
            .values(state=AttemptState.ENDED, disposition=Disposition.COMPLETED)
        )
    assert contact_rates.learn(sessions) == 1
    with sessions() as session:
        assert sum(t.tried for t in rows.counts(session).values()) == 2


@pytest.mark.parametrize(
    ("disposition", "columns"),
    [
        (Disposition.TECHNICAL_FAILURE, {}),
        (Disposition.WRONG_NUMBER, {}),
        (Disposition.COMPLETED, {"by_appointment": True}),
        (Disposition.NO_RESPONSE, {"channel": Channel.SMS}),
        (Disposition.COMPLETED, {"contact_point_id": None}),
    ],
)
def test_what_tells_nothing_about_the_hour_is_not_counted(
    sessions: SessionFactory, disposition: Disposition, columns: dict[str, Any]
) -> None:
    with sessions.begin() as session:
        dial(session, callback_of(session, add_customer(session, now=TEN), now=TEN), disposition, at=TEN, **columns)
    assert contact_rates.learn(sessions) == 1
    with sessions() as session:
        assert rows.counts(session) == {}
        assert session.scalars(select(ContactTrial)).all() == []


def test_nothing_is_learned_from_a_person_after_a_refusal_or_dissatisfaction(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        refuser, unhappy = add_customer(session, now=TEN), add_customer(session, now=TEN)
        dial(session, callback_of(session, refuser, now=TEN), Disposition.REFUSED, at=TEN)
        make_unhappy(session, add_case(session, unhappy, now=TEN), at=TEN)
        later = TEN + timedelta(days=1)
        for customer in (refuser, unhappy):
            dial(session, callback_of(session, customer, now=TEN), Disposition.COMPLETED, at=later)
    contact_rates.learn(sessions)
    with sessions() as session:
        assert rows.counts(session) == {Cell(MOBILE, PartOfDay.MORNING, 2): Tally(1, 1)}, "the refusal was a contact"
        assert sum(d.tried for d in rows.arms(session).values()) == 3, "the comparison loses nobody"


def test_the_holdout_is_counted_by_itself(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        save_policy(session, now=TEN, figures={"holdout_share": 0.5})
        customers = [add_customer(session, now=TEN) for _ in range(12)]
        for customer in customers:
            for day in range(2):
                at = TEN + timedelta(days=day)
                dial(session, callback_of(session, customer, now=TEN), Disposition.COMPLETED, at=at)
        held = [c for c in customers if arm_of(c.id, 0.5) is Arm.HOLDOUT]
    contact_rates.learn(sessions)
    with sessions() as session:
        arms = rows.arms(session)
    assert 0 < len(held) < 12
    assert arms[Arm.HOLDOUT].persons == len(held)
    assert (arms[Arm.HOLDOUT].tried, arms[Arm.HOLDOUT].tried_squared) == (2 * len(held), 4 * len(held))
    assert arms[Arm.LEARNED].tried == arms[Arm.LEARNED].reached == 2 * (12 - len(held))
    with sessions() as session:
        morning = PairCell(MOBILE, PartOfDay.MORNING, PartOfDay.MORNING)
        assert rows.pairs(session) == {morning: PairTally(12, 12, 24)}


def test_many_learners_at_once_count_each_attempt_once(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        for _ in range(60):
            dial(session, callback_of(session, add_customer(session, now=TEN), now=TEN), Disposition.BUSY, at=TEN)
    done: list[int] = []

    def work() -> None:
        while True:
            with sessions.begin() as session:
                found = contact_rates.learn_chunk(session, limit=7)
            if found == 0:
                return
            done.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contact_rates.learn(sessions)
    with sessions() as session:
        assert rows.counts(session) == {Cell(MOBILE, PartOfDay.MORNING, 2): Tally(60, 0)}


def test_the_kind_of_number_is_told_apart(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        customer = add_customer(session, now=TEN)
        session.execute(update(ContactPoint).values(kind=ContactKind.LANDLINE))
        dial(session, callback_of(session, customer, now=TEN), Disposition.COMPLETED, at=TEN)
    contact_rates.learn(sessions)
    with sessions() as session:
        assert list(rows.counts(session)) == [Cell(ContactKind.LANDLINE, PartOfDay.MORNING, 2)]


def test_the_api_says_no_evidence_until_there_is(desk: Desk) -> None:
    client = desk.supervisor()
    empty = client.get("/api/v1/contact-rates").json()
    assert empty["uplift"]["evidence"] == "none_yet"
    assert empty["uplift"]["difference"] is None
    assert "no evidence yet" in empty["sentence"]
    with desk.house.sessions.begin() as session:
        for n in range(8):
            reached = Disposition.COMPLETED if n % 2 else Disposition.NO_ANSWER
            dial(session, callback_of(session, add_customer(session, now=TEN), now=TEN), reached, at=TEN)
    contact_rates.learn(desk.house.sessions)
    told = client.get("/api/v1/contact-rates").json()
    morning = next(s for s in told["slots"] if (s["kind"], s["part"]) == ("mobile", "morning"))
    assert (morning["tried"], morning["reached"]) == (8, 4)
    assert morning["interval"][0] < 0.5 < morning["interval"][1]
    assert len(morning["expected"]) == 7
    assert desk.agent().get("/api/v1/contact-rates").status_code == 403


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command_tells_the_same(
    settings: Any, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("CALLBACK_ENV_FILE", "/dev/null")
    monkeypatch.setenv("CALLBACK_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CALLBACK_LANGUAGE", "en")
    import callback.cli.commands  # noqa: F401  registers the commands

    with sessions.begin() as session:
        dial(session, callback_of(session, add_customer(session, now=TEN), now=TEN), Disposition.COMPLETED, at=TEN)
    result = CliRunner().invoke(cli, ["contact-rates", *options])
    assert result.exit_code == 0, result.output
    if options:
        told = json.loads(result.stdout)
        assert told["uplift"]["evidence"] == "none_yet"
        assert sum(slot["tried"] for slot in told["slots"]) == 1
    else:
        assert "no evidence yet" in result.stdout
