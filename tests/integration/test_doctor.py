"""Every invariant of the doctor is broken once by hand, and found; an ordinary house is well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from callback.db.engine import SessionFactory, is_postgresql
from callback.db.tables import (
    Agent,
    Attempt,
    Callback,
    Campaign,
    Case,
    CaseHandler,
    ContactPoint,
    Customer,
    Dissatisfaction,
    InboundMessage,
    Promise,
    Questionnaire,
    Response,
    Send,
    Sender,
    Shift,
    Slot,
    Suppression,
    Team,
)
from callback.domain.words import (
    AttemptState,
    CallbackState,
    CampaignState,
    CaseStatus,
    Cause,
    Channel,
    ContactKind,
    Disposition,
    DissatisfactionRule,
    DissatisfactionState,
    InboundOutcome,
    PartOfDay,
    Purpose,
    ResponseState,
    SendKind,
    SendState,
    Severity,
    SuppressionScope,
)
from callback.services.doctor import INVARIANTS, examine
from callback.texts import LANGUAGES, catalogue


@dataclass
class World:
    """An ordinary house: one told case with a survey in an agent's list, made by hand."""

    session: Session
    now: datetime
    agent: Agent
    customer: Customer
    case: Case
    callback: Callback

    def run(self, sql: str, **values: Any) -> None:
        self.session.flush()
        self.session.execute(text(sql), values)

    def drop_index(self, name: str) -> None:
        self.run(f"DROP INDEX {name}")

    def drop_check(self, table: str, name: str) -> None:
        if is_postgresql(self.session):
            self.run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        else:
            self.run("PRAGMA ignore_check_constraints = ON")

    def add(self, *rows: Any) -> None:
        self.session.add_all(rows)
        self.session.flush()

    def another_callback(self, **changes: Any) -> Callback:
        callback = _callback(self.case, self.customer, self.now, **changes)
        self.add(callback)
        return callback

    def attempt(self, callback: Callback | None = None, **changes: Any) -> Attempt:
        callback = callback or self.callback
        figures: dict[str, Any] = {
            "handle": f"attempt{self.session.query(Attempt).count()}",
            "callback_id": callback.id,
            "case_id": callback.case_id,
            "customer_id": callback.customer_id,
            "address": "+8613800000000",
            "channel": Channel.AGENT,
            "agent_id": self.agent.id,
            "state": AttemptState.ENDED,
            "disposition": Disposition.NO_ANSWER,
            "part_of_day": PartOfDay.MORNING,
            "started_at": self.now - timedelta(minutes=30),
            "ended_at": self.now,
        }
        attempt = Attempt(**(figures | changes))
        self.add(attempt)
        return attempt


def _callback(case: Case, customer: Customer, now: datetime, **changes: Any) -> Callback:
    figures: dict[str, Any] = {
        "handle": f"callback{changes.get('purpose', 'survey')}",
        "case_id": case.id,
        "customer_id": customer.id,
        "purpose": Purpose.SURVEY,
        "channel": Channel.AGENT,
        "state": CallbackState.WAITING,
        "priority": 50,
        "earliest_at": now,
        "due_at": now + timedelta(days=1),
        "created_at": now,
        "updated_at": now,
    }
    return Callback(**(figures | changes))


@pytest.fixture
def world(sessions: SessionFactory, now: datetime) -> Iterator[World]:
    session = sessions()
    agent = Agent(login="li", name="Li", number="1", languages=["zh"], time_zone="Asia/Shanghai", created_at=now)
    customer = Customer(
        source="t",
        external_id="1",
        language="zh",
        country="CN",
        time_zone="Asia/Shanghai",
        created_at=now,
        updated_at=now,
    )
    session.add_all([agent, customer])
    session.flush()
    case = Case(
        source="t",
        external_id="1",
        customer_id=customer.id,
        subject="Lamp",
        status=CaseStatus.CLOSED,
        opened_at=now - timedelta(days=3),
        closed_at=now - timedelta(days=2),
        told_at=now - timedelta(days=2),
        plan_rule="survey",
        created_at=now,
        updated_at=now,
    )
    shifts = [Shift(agent_id=agent.id, weekday=day, starts=_hour(9), ends=_hour(18)) for day in range(7)]
    slot = Slot(agent_id=agent.id, starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=1, minutes=30))
    session.add_all([case, slot, *shifts])
    session.flush()
    placed = {"state": CallbackState.ASSIGNED, "agent_id": agent.id, "slot_id": slot.id, "planned_at": slot.starts_at}
    callback = _callback(case, customer, now, **placed)
    session.add(callback)
    session.flush()
    yield World(session, now, agent, customer, case, callback)
    session.close()


def _hour(hour: int) -> Any:
    return datetime(2026, 1, 1, hour).time()  # noqa: DTZ001  a time of day


def broken(world: World) -> dict[str, int]:
    world.session.flush()
    return {one.name: one.broken for one in examine(world.session, INVARIANTS, now=world.now) if not one.holds}


def test_an_ordinary_house_is_well(world: World) -> None:
    world.attempt(started_at=world.now - timedelta(hours=1))
    assert broken(world) == {}


def test_every_invariant_has_its_sentence_and_is_broken_below() -> None:
    names = {invariant.name for invariant in INVARIANTS}
    assert len(names) == len(INVARIANTS)
    for language in LANGUAGES:
        assert {f"doctor.{name}" for name in names} <= set(catalogue(language))
    assert names - set(BREAKS) == {"no_dead_letters", "no_job_waits_long"}


def _second_call(world: World, **changes: Any) -> Callback:
    return world.another_callback(**({"purpose": Purpose.SECOND_CALL, "parent_id": world.callback.id} | changes))


def _schema(world: World) -> None:
    world.run("UPDATE alembic_version SET version_num = '0000'")


def _links(world: World) -> None:
    if is_postgresql(world.session):
        pytest.skip("PostgreSQL cannot lose a link")
    engine = world.session.connection().engine
    world.session.commit()
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        for sql in ("PRAGMA foreign_keys = OFF", "UPDATE callbacks SET agent_id = 999", "PRAGMA foreign_keys = ON"):
            raw.execute(sql)


def _two_live(world: World) -> None:
    world.drop_index("uq_callbacks_one_live")
    world.another_callback(handle="twin")


def _two_open(world: World) -> None:
    world.drop_index("uq_attempts_one_open")
    for _ in range(2):
        world.attempt(state=AttemptState.SENT, disposition=None, ended_at=None)


def _open_attempt_of_ended(world: World) -> None:
    world.attempt(state=AttemptState.SENT, disposition=None, ended_at=None)
    world.run("UPDATE callbacks SET state = 'done', result = 'completed', finished_at = updated_at")


def _ended_without_disposition(world: World) -> None:
    world.attempt()
    world.drop_check("attempts", "ck_attempts_ended_has_disposition")
    world.run("UPDATE attempts SET disposition = NULL")


def _done_without_result(world: World) -> None:
    world.run("UPDATE callbacks SET state = 'done'")


def _live_with_end(world: World) -> None:
    world.run("UPDATE callbacks SET finished_at = updated_at")


def _assigned_to_nobody(world: World) -> None:
    world.run("UPDATE callbacks SET agent_id = NULL")


def _complete_without_answers(world: World) -> None:
    questionnaire = Questionnaire(key="q", version=1, definition={}, created_at=world.now)
    world.add(questionnaire)
    world.add(
        Response(
            handle="r",
            callback_id=world.callback.id,
            case_id=world.case.id,
            customer_id=world.customer.id,
            questionnaire_id=questionnaire.id,
            channel=Channel.AGENT,
            purpose=Purpose.SURVEY,
            state=ResponseState.COMPLETE,
            started_at=world.now,
        )
    )


def _flag(world: World) -> Dissatisfaction:
    return Dissatisfaction(
        case_id=world.case.id,
        customer_id=world.customer.id,
        rule=DissatisfactionRule.LOW_SCORE,
        severity=Severity.MAJOR,
        raised_at=world.now,
    )


def _two_flags(world: World) -> None:
    world.drop_index("uq_dissatisfactions_one_live")
    world.run("UPDATE cases SET plan_rule = 'suppressed'")
    world.add(_flag(world), _flag(world))


def _flag_without_second_call(world: World) -> None:
    world.add(_flag(world))
    world.run("UPDATE cases SET plan_rule = 'second_call'")


def _closed_without_cause(world: World) -> None:
    flag = _flag(world)
    flag.state, flag.cause, flag.closed_at = DissatisfactionState.CLOSED, Cause.SERVICE, world.now
    world.add(flag)


def _told_again(world: World) -> None:
    world.another_callback(purpose=Purpose.ANSWER)


def _case_moved_alone(world: World) -> None:
    team = Team(name="North", created_at=world.now)
    world.add(team)
    world.run(f"UPDATE cases SET team_id = {team.id}")


def _fictional_dialled(world: World) -> None:
    point = ContactPoint(
        customer_id=world.customer.id, kind=ContactKind.MOBILE, address="+8613800000000", fictional=True
    )
    world.add(point)
    world.attempt(contact_point_id=point.id, provider_id="CA1")


def _handler(world: World) -> None:
    at = world.now - timedelta(days=2)
    world.add(CaseHandler(case_id=world.case.id, agent_id=world.agent.id, role="took", at=at))


def _called_again_by_handler(world: World) -> None:
    _handler(world)
    world.attempt(_second_call(world))


def _called_again_by_who_spoke(world: World) -> None:
    confirmed: dict[str, Any] = {
        "identity_at": world.now,
        "disposition": Disposition.COMPLETED,
        "part_of_day": PartOfDay.EVENING,
    }
    world.attempt(started_at=world.now - timedelta(hours=1), **confirmed)
    world.attempt(_second_call(world))


def _given_to_handler(world: World) -> None:
    _handler(world)
    placed = {"state": CallbackState.ASSIGNED, "agent_id": world.agent.id, "planned_at": world.now}
    _second_call(world, **placed)


def _suppressed(world: World) -> None:
    earlier = world.now - timedelta(days=1)
    world.add(Suppression(address="+8613800000000", scope=SuppressionScope.SURVEY, reason="asked", created_at=earlier))
    world.attempt()


def _told_a_stranger(world: World) -> None:
    world.attempt(disposition=Disposition.COMPLETED)


def _inactive(world: World) -> None:
    world.run("UPDATE agents SET active = false")


def _two_calls(world: World) -> None:
    held = {"state": CallbackState.IN_PROGRESS, "claimed_by_id": world.agent.id}
    lease = world.now + timedelta(minutes=5)
    for purpose in (Purpose.VISIT, Purpose.HOLDING):
        world.another_callback(purpose=purpose, lease_until=lease, **held)


def _at_night(world: World) -> None:
    world.attempt(started_at=world.now.replace(hour=13) - timedelta(days=1))


def _planned_at_night(world: World) -> None:
    world.callback.planned_at = world.now.replace(hour=13)
    world.callback.slot_id = None


def _thrice_a_day(world: World) -> None:
    for minutes in (30, 20, 10):
        world.attempt(started_at=world.now - timedelta(minutes=minutes))


def _four_times(world: World) -> None:
    for days in (1, 2, 3, 4):
        world.attempt(started_at=world.now - timedelta(days=days))


def _same_part_of_day(world: World) -> None:
    world.attempt(disposition=Disposition.COMPLETED, identity_at=world.now, started_at=world.now - timedelta(days=1))
    world.attempt(_second_call(world), agent_id=None)


def _overfull(world: World) -> None:
    for purpose in (Purpose.VISIT, Purpose.HOLDING, Purpose.FOLLOW_UP, Purpose.SECOND_CALL):
        world.another_callback(purpose=purpose, slot_id=world.callback.slot_id)
    world.run("UPDATE cases SET told_at = NULL")
    world.session.expire_all()
    world.run("UPDATE slots SET ends_at = :end", end=str(world.now + timedelta(hours=1, minutes=12)))


def _outside_shift(world: World) -> None:
    world.run("DELETE FROM shifts")


def _lease_forgotten(world: World) -> None:
    held = {"state": CallbackState.IN_PROGRESS, "claimed_by_id": world.agent.id}
    world.another_callback(purpose=Purpose.VISIT, lease_until=world.now - timedelta(hours=1), **held)


def _promise_forgotten(world: World) -> None:
    earlier = world.now - timedelta(hours=1)
    world.add(Promise(case_id=world.case.id, due_at=earlier, made_at=earlier))


def _planner_asleep(world: World) -> None:
    world.case.plan_at = world.now - timedelta(hours=2)


def _under_way(world: World, **changes: Any) -> Send:
    """An automatic survey whose message has left, as it should be; `changes` break it."""
    callback = world.another_callback(
        purpose=Purpose.VISIT,
        channel=Channel.SMS,
        state=CallbackState.IN_PROGRESS,
        lease_until=world.now + timedelta(days=3),
    )
    open_: dict[str, Any] = {"state": AttemptState.SENT, "disposition": None, "ended_at": None, "agent_id": None}
    attempt = world.attempt(callback, channel=Channel.SMS, provider_id="SM1", **open_)
    return _send(world, attempt, **({"provider_id": "SM1"} | changes))


def _send(world: World, attempt: Attempt, **changes: Any) -> Send:
    figures: dict[str, Any] = {
        "handle": f"send{world.session.query(Send).count()}",
        "kind": SendKind.INVITATION,
        "channel": Channel.SMS,
        "sender": "+1",
        "carrier": "sandbox_sms",
        "attempt_id": attempt.id,
        "callback_id": attempt.callback_id,
        "customer_id": attempt.customer_id,
        "address": "+8613800000000",
        "body": "How satisfied are you?",
        "state": SendState.SENT,
        "due_at": world.now,
        "sent_at": world.now,
        "created_at": world.now,
    }
    send = Send(**(figures | changes))
    world.add(send)
    return send


def _begins_nothing(world: World) -> None:
    _under_way(world)
    _send(world, world.session.query(Attempt).one(), attempt_id=None, provider_id="SM2")


def _begun_twice(world: World) -> None:
    send = _under_way(world)
    _send(world, world.session.get_one(Attempt, send.attempt_id), provider_id="SM2")


def _begun_by_nothing(world: World) -> None:
    _under_way(world)
    world.run("DELETE FROM sends")


def _in_progress_without_attempt(world: World) -> None:
    send = _under_way(world)
    world.session.delete(send)
    world.session.flush()
    world.run("DELETE FROM attempts")


def _asked_twice(world: World) -> None:
    send = _under_way(world)
    attempt = world.session.get_one(Attempt, send.attempt_id)
    for _ in range(2):
        _send(world, attempt, kind=SendKind.QUESTION, state=SendState.QUEUED, sent_at=None)


def _sent_without_number(world: World) -> None:
    _under_way(world, provider_id=None)


def _withdrawn_and_delivered(world: World) -> None:
    send = _under_way(world)
    attempt = world.session.get_one(Attempt, send.attempt_id)
    _send(
        world,
        attempt,
        kind=SendKind.QUESTION,
        state=SendState.WITHDRAWN,
        ended_at=world.now,
        provider_id="SM2",
        provider_rank=6,
    )


def _delivered_without_end(world: World) -> None:
    _under_way(world, state=SendState.DELIVERED)


def _failed_and_open(world: World) -> None:
    _under_way(world, state=SendState.FAILED, ended_at=world.now)


def _never_asked(world: World) -> None:
    _under_way(world, state=SendState.UNKNOWN, lease_until=world.now - timedelta(hours=1), provider_id=None)


def _never_sent(world: World) -> None:
    send = _under_way(world)
    attempt = world.session.get_one(Attempt, send.attempt_id)
    waits: dict[str, Any] = {"state": SendState.QUEUED, "sent_at": None, "due_at": world.now - timedelta(hours=3)}
    _send(world, attempt, kind=SendKind.QUESTION, **waits)


def _never_read(world: World) -> None:
    earlier = world.now - timedelta(hours=1)
    world.add(
        InboundMessage(
            provider_id="SM1",
            from_address="+1",
            to_address="+2",
            text="5",
            received_at=earlier,
            due_at=earlier,
            outcome=InboundOutcome.WAITING,
        )
    )


BREAKS: dict[str, Callable[[World], None]] = {
    "schema_at_head": _schema,
    "links": _links,
    "one_live_callback": _two_live,
    "one_open_attempt": _two_open,
    "open_attempt_belongs_to_live_callback": _open_attempt_of_ended,
    "ended_attempt_has_disposition": _ended_without_disposition,
    "ended_callback_has_result": _done_without_result,
    "live_callback_has_no_end": _live_with_end,
    "assigned_has_agent": _assigned_to_nobody,
    "complete_response_has_answers": _complete_without_answers,
    "one_live_dissatisfaction": _two_flags,
    "closed_with_cause": _closed_without_cause,
    "dissatisfaction_has_second_call": _flag_without_second_call,
    "told_case_has_no_answer_callback": _told_again,
    "callback_knows_team_of_case": _case_moved_alone,
    "fictional_number_never_dialled": _fictional_dialled,
    "second_call_made_by_another": _called_again_by_handler,
    "second_call_given_to_another": _given_to_handler,
    "suppressed_never_contacted": _suppressed,
    "identity_before_anything": _told_a_stranger,
    "inactive_agents_have_no_work": _inactive,
    "one_call_per_agent": _two_calls,
    "decent_hours": _at_night,
    "planned_at_decent_hours": _planned_at_night,
    "daily_budget": _thrice_a_day,
    "budget_per_callback": _four_times,
    "second_call_at_another_time": _same_part_of_day,
    "slots_not_overfull": _overfull,
    "slots_within_shifts": _outside_shift,
    "leases_are_kept": _lease_forgotten,
    "promises_are_watched": _promise_forgotten,
    "planning_keeps_up": _planner_asleep,
    "begun_send_has_attempt": _begins_nothing,
    "attempt_begun_once": _begun_twice,
    "automatic_attempt_has_send": _begun_by_nothing,
    "automatic_callback_has_attempt": _in_progress_without_attempt,
    "question_waits_once": _asked_twice,
    "sent_is_known_to_carrier": _sent_without_number,
    "withdrawn_never_left": _withdrawn_and_delivered,
    "ended_send_has_end": _delivered_without_end,
    "failed_send_ends_its_attempt": _failed_and_open,
    "unknown_is_asked_about": _never_asked,
    "queued_go_out": _never_sent,
    "messages_are_read": _never_read,
}
ALONG = {"inactive_agents_have_no_work": {"slots_within_shifts"}, "assigned_has_agent": set()}
"""What a break cannot help breaking as well."""


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_invariant_is_found_and_no_other(world: World, name: str) -> None:
    BREAKS[name](world)
    found = broken(world)
    assert found.get(name, 0) >= 1
    assert set(found) - {name} <= ALONG.get(name, set())


def test_what_leaves_in_the_ordinary_way_is_no_fault(world: World) -> None:
    """Also not what a paused campaign keeps, nor what waits for a carrier that is down."""
    send = _under_way(world)
    attempt = world.session.get_one(Attempt, send.attempt_id)
    waits: dict[str, Any] = {"state": SendState.QUEUED, "sent_at": None, "due_at": world.now - timedelta(hours=3)}
    _send(world, attempt, kind=SendKind.QUESTION, **waits)
    assert broken(world) == {"queued_go_out": 1}
    campaign = Campaign(name="c", state=CampaignState.PAUSED, created_at=world.now, updated_at=world.now)
    world.add(campaign)
    world.run("UPDATE callbacks SET campaign_id = :campaign WHERE channel = 'sms'", campaign=campaign.id)
    assert broken(world) == {}
    world.run("UPDATE campaigns SET state = 'running'")
    rests = world.now + timedelta(minutes=5)
    world.add(Sender(channel=Channel.SMS, sender="+1", tokens=1, refilled_at=world.now, failures=9, open_until=rests))
    assert broken(world) == {}


def test_a_second_call_by_somebody_who_spoke_is_found(world: World) -> None:
    _called_again_by_who_spoke(world)
    assert broken(world) == {"second_call_made_by_another": 1}


def test_an_override_on_record_is_no_fault(world: World, now: datetime) -> None:
    from callback.db import decisions

    _called_again_by_handler(world)
    second = world.session.query(Callback).filter_by(purpose=Purpose.SECOND_CALL).one()
    decisions.record(
        world.session,
        now=now,
        case_id=world.case.id,
        callback_id=second.id,
        about="override",
        rule="negative_affinity",
        verdict="allowed",
        inputs={"agent_id": world.agent.id},
    )
    assert broken(world) == {}


def test_a_suppression_that_came_later_or_was_lifted_is_no_fault(world: World) -> None:
    started = world.now - timedelta(minutes=30)
    scope = SuppressionScope.ALL
    world.add(
        Suppression(customer_id=world.customer.id, scope=scope, reason="asked", created_at=world.now),
        Suppression(
            customer_id=world.customer.id,
            scope=scope,
            reason="asked",
            created_at=started - timedelta(days=2),
            lifted_at=started - timedelta(days=1),
        ),
    )
    world.attempt(started_at=started)
    assert broken(world) == {}


def test_jobs_that_failed_or_wait_are_found(world: World) -> None:
    if is_postgresql(world.session):
        insert = "INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at, queueing_lock)"
        world.run(
            f"{insert} VALUES ('default', 'boom', 'failed', NULL, NULL), ('default', 'tick', 'failed', NULL, 'n')"
        )
        world.run(f"{insert} VALUES ('default', 'late', 'todo', now() - interval '1 hour', NULL)")
        world.run(f"{insert} VALUES ('default', 'lost', 'doing', NULL, NULL), ('default', 'new', 'todo', NULL, NULL)")
        assert broken(world) == {"no_dead_letters": 1, "no_job_waits_long": 2}
        return
    early, late = (str(world.now + timedelta(hours=hours)).split("+")[0] for hours in (-1, 1))
    insert = "INSERT INTO jobs (task, args, due_at, claimed_until, done_at, failed, queueing_lock)"
    world.run(f"{insert} VALUES ('boom', '{{}}', '{early}', NULL, '{early}', 1, NULL)")
    world.run(f"{insert} VALUES ('tick', '{{}}', '{early}', NULL, '{early}', 1, 'n')")
    world.run(f"{insert} VALUES ('late', '{{}}', '{early}', NULL, NULL, 0, NULL)")
    world.run(f"{insert} VALUES ('lost', '{{}}', '{early}', '{early}', NULL, 0, NULL)")
    world.run(f"{insert} VALUES ('held', '{{}}', '{early}', '{late}', NULL, 0, NULL)")
    world.run(f"{insert} VALUES ('later', '{{}}', '{late}', NULL, NULL, 0, NULL)")
    assert broken(world) == {"no_dead_letters": 1, "no_job_waits_long": 2}
