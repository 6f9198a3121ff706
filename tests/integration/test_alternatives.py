"""What lost against a place, and at what price: of what has none, of an appointment, and of one team; told alike
everywhere."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from callback.bootstrap import House
from callback.db.engine import SessionFactory, reading
from callback.db.policies import save_policy
from callback.db.tables import Appointment, Callback, Team
from callback.domain.words import CallbackState
from callback.services import alternatives
from callback.services.planning import plan_day
from tests.integration.conftest import Desk
from tests.town import add_agent, fill

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def weigh(sessions: SessionFactory, now: datetime, callback_id: int) -> tuple[alternatives.Weighed, list[str]]:
    with reading(sessions) as session:
        found = alternatives.weigh(session, session.get_one(Callback, callback_id), now=now, zone=SHANGHAI)
        for language in ("en", "zh"):
            assert not [
                line for line in alternatives.tell(found, language, SHANGHAI) if "{" in line or "price." in line
            ]
        return found, alternatives.tell(found, "en", SHANGHAI)


def waiting(sessions: SessionFactory) -> tuple[int, str]:
    with sessions() as session:
        row = session.execute(
            select(Callback.id, Callback.handle).where(Callback.state == CallbackState.WAITING).order_by(Callback.id)
        ).first()
        assert row is not None
        return row.id, row.handle


def half_an_hour(sessions: SessionFactory, now: datetime, **how: int) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now, hours=((time(10), time(10, 30)),), days=range(2, 3), **how)
    fill(sessions, now, cases=8)
    plan_day(sessions, now=now, zone=SHANGHAI)


@pytest.mark.parametrize(
    ("others", "mine", "expected"),
    [
        ({}, {}, ("held_sooner", "is due no later than this one (Wed, 11 Mar 2026, 11:00)")),
        ({}, {"due_at": -1}, ("held_due", "would miss its due time (Wed, 11 Mar 2026, 11:00) without it")),
        ({"due_at": 9, "priority": 90}, {"priority": 10}, ("held_value", "is worth more there, by ")),
        ({"due_at": 9, "priority": 10}, {"priority": 90}, ("held_stands", "what stands in a list is moved for a due")),
        ({"pinned": True}, {}, ("held_fixed", "no room (calls there: 5): pinned")),
    ],
)
def test_what_has_no_place_is_told_who_has_the_room(
    sessions: SessionFactory, now: datetime, others: dict[str, int], mine: dict[str, int], expected: tuple[str, str]
) -> None:
    half_an_hour(sessions, now)
    number, _ = waiting(sessions)
    with sessions.begin() as session:
        for values, which in ((others, Callback.state == CallbackState.ASSIGNED), (mine, Callback.id == number)):
            changes = {k: now + v * HOUR if k == "due_at" else v for k, v in values.items()}
            if changes:
                session.execute(update(Callback).where(which).values(**changes))
    found, told = weigh(sessions, now, number)
    assert [(other.name, other.why) for other in found.others] == [("Li", expected[0])]
    assert told[0] == "Where it could have gone, and what stands against it:"
    assert expected[1] in told[1]


def test_a_number_of_calls_a_day_is_a_limit_of_its_own(sessions: SessionFactory, now: datetime) -> None:
    half_an_hour(sessions, now, daily_capacity=2)
    _, told = weigh(sessions, now, waiting(sessions)[0])
    assert told[1].endswith("Li has as many callbacks that day as they may have (2)")


def test_room_that_has_come_up_is_told_as_free(sessions: SessionFactory, now: datetime) -> None:
    half_an_hour(sessions, now)
    with sessions.begin() as session:
        add_agent(session, "zhao", now=now)
        zhao = session.scalars(select(Callback).where(Callback.state == CallbackState.ASSIGNED)).first()
        assert zhao is not None
        zhao.state, zhao.agent_id, zhao.slot_id, zhao.planned_at = CallbackState.WAITING, None, None, None
    found, _ = weigh(sessions, now, waiting(sessions)[0])
    assert [(other.name, other.why) for other in found.others] == [("Li", "free")]


def agree(sessions: SessionFactory, at: datetime, agent_id: int | None, callback_id: int) -> None:
    with sessions.begin() as session:
        session.add(Appointment(callback_id=callback_id, at=at, agent_id=agent_id, created_at=at))
        callback = session.get_one(Callback, callback_id)
        callback.state, callback.next_try_at = CallbackState.WAITING, at
        callback.agent_id = callback.slot_id = callback.planned_at = None


def test_an_appointment_loses_to_nothing_but_its_minute_and_its_person(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        zhao = add_agent(session, "zhao", now=now).id
    fill(sessions, now, cases=2, due=30 * HOUR)
    plan_day(sessions, now=now, zone=SHANGHAI)
    at = now + 4 * HOUR + 10 * MINUTE
    agree(sessions, at, zhao, 1)
    plan_day(sessions, now=now, zone=SHANGHAI)
    found, told = weigh(sessions, now, 1)
    assert [other.why for other in found.others] == ["owner", "appointment", "appointment", "appointment"]
    assert told[1] == "  - Wed, 11 Mar 2026, 14:00, Li: the appointment is with Zhao"
    assert told[2].endswith("the customer asked for Wed, 11 Mar 2026, 14:10")


def test_an_appointment_that_was_not_kept_says_who_was_in_another(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
    fill(sessions, now, cases=2, due=30 * HOUR)
    plan_day(sessions, now=now, zone=SHANGHAI)
    at = now + 4 * HOUR + 28 * MINUTE
    for number in (1, 2):
        agree(sessions, at, None, number)
    plan_day(sessions, now=now, zone=SHANGHAI)
    found, _ = weigh(sessions, now, 2)
    assert (found.others[0].at, found.others[0].why) == (at - 28 * MINUTE, "busy")


def test_nobody_is_named_whom_planning_does_not_ask(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"plan_by_team": True})
        teams = [Team(name=name, created_at=now) for name in ("north", "south")]
        session.add_all(teams)
        session.flush()
        north = teams[0].id
        add_agent(session, "li", now=now, team_id=north)
        add_agent(session, "zhao", now=now, team_id=teams[1].id)
    fill(sessions, now, cases=3, due=8 * HOUR, team_id=north)
    plan_day(sessions, now=now, zone=SHANGHAI)
    found, _ = weigh(sessions, now, 1)
    assert {other.name for other in found.others} == {"Li"}


def test_the_page_and_the_interface_tell_what_the_command_tells(desk: Desk, house: House, now: datetime) -> None:
    half_an_hour(house.sessions, now)
    number, handle = waiting(house.sessions)
    _, told = weigh(house.sessions, now, number)
    with house.sessions() as session:
        chinese = alternatives.tell(
            alternatives.weigh(session, session.get_one(Callback, number), now=now, zone=house.zone), "zh", house.zone
        )
    chief = desk.supervisor()
    page = chief.get(f"/callbacks/{handle}")
    assert f"/callbacks/{handle}/alternatives" in page.text
    shown = chief.get(f"/callbacks/{handle}/alternatives").text
    answered = chief.get(f"/api/v1/callbacks/{handle}/explanation").json()["sentences"]
    for line in told if told[0] in shown else chinese:
        assert line.strip().removeprefix("- ") in shown
    assert answered[-1] in (told[-1], chinese[-1])
    assert desk.logged_in("wang").get(f"/callbacks/{handle}/alternatives").status_code == 403
    with house.sessions.begin() as session:
        session.get_one(Callback, number).state = CallbackState.CANCELLED
    assert 'class="soft"' in chief.get(f"/callbacks/{handle}/alternatives").text
