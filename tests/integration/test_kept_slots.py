"""Shifts change: slots follow, and of the plan that stands only what must move moves. On both databases."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select, update

from callback.db.engine import SessionFactory, reading
from callback.db.policies import save_policy
from callback.db.tables import Appointment, Callback, Shift, ShiftException, Slot, Team
from callback.domain.words import CallbackState
from callback.services import findings
from callback.services.planning import Planned, plan_day
from tests.town import add_agent, fill

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
MORNING = ((time(9), time(12)),)
SHORT = ((time(9), time(10, 30)),)


def plan(sessions: SessionFactory, now: datetime) -> Planned:
    return plan_day(sessions, now=now, zone=SHANGHAI)


def callbacks(sessions: SessionFactory) -> Sequence[Callback]:
    with sessions() as session:
        return session.scalars(select(Callback).order_by(Callback.id)).all()


def places(sessions: SessionFactory) -> dict[int, tuple[int | None, datetime | None]]:
    return {c.id: (c.agent_id, c.planned_at) for c in callbacks(sessions)}


def slots(sessions: SessionFactory) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(Slot)) or 0


def codes(sessions: SessionFactory, now: datetime) -> list[str]:
    with reading(sessions) as session:
        return [fault.code for fault in findings.find_faults(session, now=now)]


def away(sessions: SessionFactory, agent_ids: Sequence[int], now: datetime, days: range) -> None:
    with sessions.begin() as session:
        session.add_all(ShiftException(agent_id=i, day=(now + n * DAY).date()) for i in agent_ids for n in days)


def test_when_everybody_is_absent_nobody_keeps_a_list_or_gets_new_calls(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        ids = [add_agent(session, name, now=now).id for name in ("li", "zhao")]
    fill(sessions, now, cases=6, due=8 * HOUR)
    assert plan(sessions, now).callbacks.assigned == 6
    away(sessions, ids, now, range(30))
    fill(sessions, now, cases=2, due=8 * HOUR)

    done = plan(sessions, now + MINUTE).callbacks

    assert (done.released, done.assigned, sum(done.left.values())) == (6, 0, 8)
    assert {c.agent_id for c in callbacks(sessions)} == {None}
    assert slots(sessions) == 0


@pytest.mark.parametrize("gone", [1, 2])
def test_an_absence_on_the_last_days_only_takes_those_days(sessions: SessionFactory, now: datetime, gone: int) -> None:
    with sessions.begin() as session:
        agent_id = add_agent(session, "li", now=now, hours=SHORT).id
    # Five go on today, the rest of the fifteen on the two days after.
    fill(sessions, now, cases=15, due=54 * HOUR)
    assert plan(sessions, now).callbacks.assigned == 15
    before = places(sessions)
    first = (now + (3 - gone) * DAY).date()
    hit = {i for i, (_, at) in before.items() if at is not None and at.astimezone(SHANGHAI).date() >= first}
    away(sessions, [agent_id], now, range(3 - gone, 30))

    done = plan(sessions, now + MINUTE).callbacks

    after = places(sessions)
    assert done.released == len(hit)
    assert all(after[i] == before[i] for i in before.keys() - hit)
    assert all(at is None or at.astimezone(SHANGHAI).date() < first for _, at in after.values())


def test_the_lone_agent_of_a_team_is_absent_or_has_no_shifts_any_more(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"plan_by_team": True})
        teams = [Team(name=name, created_at=now) for name in ("north", "south", "east")]
        session.add_all(teams)
        session.flush()
        names = ("li", "zhao", "wang")
        agents = [add_agent(session, n, now=now, team_id=t.id).id for n, t in zip(names, teams, strict=True)]
        ids = [team.id for team in teams]
    for team_id in ids:
        fill(sessions, now, cases=3, due=8 * HOUR, team_id=team_id)
    assert plan(sessions, now).callbacks.assigned == 9
    away(sessions, agents[:1], now, range(30))
    with sessions.begin() as session:
        session.execute(delete(Shift).where(Shift.agent_id == agents[1]))

    assert plan(sessions, now + MINUTE).callbacks.released == 6
    assert {c.agent_id for c in callbacks(sessions)} == {None, agents[2]}


def test_a_slot_of_a_later_days_planning_stays_as_long_as_the_hours_have_it(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        agent_id = add_agent(session, "li", now=now, hours=SHORT).id
    plan_day(sessions, now=now, zone=SHANGHAI, day=(now + 5 * DAY).date())
    later = slots(sessions)
    plan(sessions, now)
    assert slots(sessions) == 2 * later
    away(sessions, [agent_id], now, range(5, 8))
    plan(sessions, now)
    assert slots(sessions) == later, "no slot stands on a day on which its agent is away, however far ahead"


def test_hours_that_begin_earlier_move_nobody_and_no_pin_is_lost(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        agent_id = add_agent(session, "li", now=now, hours=MORNING).id
    fill(sessions, now, cases=8, due=8 * HOUR)
    plan(sessions, now)
    with sessions.begin() as session:
        session.execute(update(Callback).where(Callback.id.in_((1, 2))).values(pinned=True))
        session.execute(update(Shift).where(Shift.agent_id == agent_id).values(starts=time(8, 45)))
    before = [(c.id, c.agent_id, c.planned_at, c.pinned, c.version) for c in callbacks(sessions)]

    done = plan(sessions, now + MINUTE).callbacks

    assert (done.released, done.assigned, done.moved) == (0, 0, 0)
    assert [(c.id, c.agent_id, c.planned_at, c.pinned, c.version) for c in callbacks(sessions)] == before
    with sessions() as session:
        stands = select(Callback.planned_at, Slot.starts_at, Slot.ends_at).join(Slot, Slot.id == Callback.slot_id)
        found = session.execute(stands).all()
    assert len(found) == 8
    assert all(start <= at < end for at, start, end in found if at)


def test_hours_that_end_earlier_move_what_is_behind_them_and_what_is_too_much(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        agent_id = add_agent(session, "li", now=now, hours=((time(10), time(11)), (time(14), time(15)))).id
    fill(sessions, now, cases=10, due=2 * HOUR)
    plan(sessions, now)
    before = places(sessions)
    with sessions.begin() as session:
        session.execute(update(Callback).values(due_at=now + 54 * HOUR))  # nobody has to make room
        # Fifteen minutes of the second half hour are left: two calls of six minutes, and the ten per cent.
        pattern = update(Shift).where(Shift.agent_id == agent_id, Shift.starts == time(10))
        session.execute(pattern.values(ends=time(10, 45)))

    assert plan(sessions, now + MINUTE).callbacks.released == 3
    after = places(sessions)
    assert sum(after[i] == place for i, place in before.items()) == 7


def test_a_pin_outside_the_hours_stays_and_is_named_until_the_hours_are_back(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        li = add_agent(session, "li", now=now, hours=MORNING).id
        add_agent(session, "zhao", now=now, hours=MORNING)
    fill(sessions, now, cases=6, due=8 * HOUR)
    plan(sessions, now)
    with sessions.begin() as session:
        ids = session.scalars(select(Callback.id).where(Callback.agent_id == li).order_by(Callback.id)).all()
        session.execute(update(Callback).where(Callback.id == ids[0]).values(pinned=True))
    before = places(sessions)
    away(sessions, [li], now, range(1))

    assert plan(sessions, now + MINUTE).callbacks.released == len(ids) - 1
    pinned = callbacks(sessions)[ids[0] - 1]
    assert (pinned.state, pinned.pinned, pinned.slot_id) == (CallbackState.ASSIGNED, True, None)
    assert (pinned.agent_id, pinned.planned_at) == before[ids[0]]
    assert codes(sessions, now + MINUTE).count("pin_without_shift") == 1

    with sessions.begin() as session:
        session.execute(delete(ShiftException))
    plan(sessions, now + 2 * MINUTE)
    pinned = callbacks(sessions)[ids[0] - 1]
    assert pinned.slot_id is not None
    assert (pinned.agent_id, pinned.planned_at) == before[ids[0]]
    assert "pin_without_shift" not in codes(sessions, now + 2 * MINUTE)


def test_an_appointment_within_the_new_hours_stays_with_its_owner(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        li = add_agent(session, "li", now=now, hours=MORNING).id
        add_agent(session, "zhao", now=now, hours=MORNING)
    fill(sessions, now, cases=1, due=8 * HOUR)
    plan(sessions, now)
    with sessions.begin() as session:
        session.add(Appointment(callback_id=1, at=now + HOUR, agent_id=li, created_at=now))
        nowhere = {"state": CallbackState.WAITING, "agent_id": None, "slot_id": None, "planned_at": None}
        session.execute(update(Callback).values(**nowhere, next_try_at=now + HOUR))
    plan(sessions, now)
    assert places(sessions) == {1: (li, now + HOUR)}
    version = callbacks(sessions)[0].version
    with sessions.begin() as session:
        session.execute(update(Shift).where(Shift.agent_id == li).values(starts=time(8, 50)))
    plan(sessions, now + MINUTE)
    assert places(sessions) == {1: (li, now + HOUR)}
    assert callbacks(sessions)[0].version == version
