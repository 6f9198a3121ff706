"""The calendar that is offered to a customer: only moments at which an appointment is accepted."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from callback.bootstrap import House
from callback.db.tables import CalendarDay, Callback
from callback.domain.policy import Policy
from callback.domain.words import DayKind
from callback.errors import CallbackError, NotFound
from callback.services import appointments
from callback.services.attempts import moments
from tests.integration.call_centre import Centre


@pytest.fixture
def centre(house: House, now: datetime) -> Centre:
    return Centre(house.sessions, house.settings, now).open()


def test_every_moment_offered_is_accepted_and_the_day_s_count_does_not_matter(centre: Centre) -> None:
    li = centre.agent("li")
    customer = centre.customer(time_zone="America/New_York", country="US")
    handle = centre.callback(li, case_id=centre.case(customer))
    with centre.sessions.begin() as session:
        session.add(CalendarDay(country="US", day=date(2026, 3, 19), kind=DayKind.HOLIDAY, name="x"))
    now = datetime(2026, 3, 17, 14, 7, tzinfo=ZoneInfo("America/New_York"))
    call = centre.start(handle, li, now=now)
    callback_id = centre.attempt(call.attempt).callback_id
    with centre.sessions() as session:
        offer = moments.offer(session, handle=call.attempt, agent_id=li, since=None, now=now)
        assert offer.time_zone == "America/New_York"
        assert [day.why_none for day in offer.days[:5]] == [None, None, "holiday", None, None]
        first = [moment.astimezone(now.tzinfo).strftime("%H:%M") for moment in offer.days[0].moments]
        assert first == [f"{hour}:{minute}" for hour in range(14, 20) for minute in ("00", "30")][1:]
        callback = session.get_one(Callback, callback_id)
        for day in offer.days:
            for moment in day.moments:
                appointments.check(session, callback=callback, at=moment, now=now, policy=Policy())
        assert offer.earlier is None
        last = moments.offer(session, handle=call.attempt, agent_id=li, since=date(2026, 5, 14), now=now)
        assert last.later is None
        assert last.days[-1].day <= (now + appointments.FURTHEST).date()
        assert last.earlier == date(2026, 4, 30)
        beyond = moments.offer(session, handle=call.attempt, agent_id=li, since=date(2030, 1, 1), now=now)
        assert beyond.days[0].day == (now + appointments.FURTHEST).date()


def test_what_is_not_offered_is_not_accepted(centre: Centre) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    call = centre.start(handle, li)
    callback_id = centre.attempt(call.attempt).callback_id
    with centre.sessions() as session:
        offer = moments.offer(session, handle=call.attempt, agent_id=li, since=None, now=centre.now)
        offered = {moment for day in offer.days for moment in day.moments}
        callback = session.get_one(Callback, callback_id)
        start = centre.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        for half_hours in range(48 * 10):
            at = start + half_hours * moments.STEP
            try:
                appointments.check(session, callback=callback, at=at, now=centre.now, policy=Policy())
                accepted = True
            except CallbackError:
                accepted = False
            assert accepted == (at in offered), at


def test_somebody_else_s_call_has_no_calendar(centre: Centre) -> None:
    li, zhao = centre.agent("li"), centre.agent("zhao")
    call = centre.start(centre.callback(li), li)
    with centre.sessions() as session, pytest.raises(NotFound):
        moments.offer(session, handle=call.attempt, agent_id=zhao, since=None, now=centre.now)
