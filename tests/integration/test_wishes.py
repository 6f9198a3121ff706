"""What customers wish is kept by the planner, the API and the import, and asked again when the call begins."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from callback.db.engine import SessionFactory, reading
from callback.db.tables import Callback, Customer
from callback.domain.words import CallbackState
from callback.services import alternatives
from callback.services.planning import plan_day
from tests.integration.conftest import Desk
from tests.town import add_agent, add_case, add_customer

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
"""Wednesday, ten in the morning in Shanghai."""


def planned(sessions: SessionFactory, **wishes: Any) -> datetime:
    """When a customer with these wishes, whose answer is due the day after tomorrow, is called."""
    with sessions.begin() as session:
        add_agent(session, "li", now=NOW)
        customer = add_customer(session, now=NOW, **wishes)
        answered = NOW - timedelta(hours=1)
        add_case(session, customer, now=NOW, answer="已处理", answered_at=answered, opened_at=NOW - timedelta(days=1))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    with sessions() as session:
        callback = session.scalars(select(Callback)).one()
        assert callback.state is CallbackState.ASSIGNED, callback.blocked_by
        assert callback.planned_at is not None
        return callback.planned_at.astimezone(SHANGHAI)


def test_a_preferred_time_is_kept_where_the_promise_allows(sessions: SessionFactory) -> None:
    at = planned(sessions, preferred_times=["thu 18:30-19:30"])
    assert at.date().isoformat() == "2026-03-12"
    assert (18, 30) <= (at.hour, at.minute) < (19, 30)


def test_a_promise_goes_before_a_preferred_time(sessions: SessionFactory) -> None:
    at = planned(sessions, preferred_times=["sun 18:30-19:30"])
    assert at.date().isoformat() < "2026-03-15"


def test_a_forbidden_date_is_kept(sessions: SessionFactory) -> None:
    at = planned(sessions, forbidden_dates=["2026-03-11/2026-03-12"])
    assert at.date().isoformat() == "2026-03-13"


def test_wishes_are_set_by_the_api_and_release_what_they_forbid(desk: Desk) -> None:
    client = desk.supervisor()
    planned(desk.house.sessions)
    with desk.house.sessions() as session:
        customer_id, handle = session.execute(select(Callback.customer_id, Callback.handle)).one()
    body = {"preferred_times": "工作日 18:00-20:00", "forbidden_dates": "2026-03-11/2026-03-13"}
    answer = client.put(f"/api/v1/customers/{customer_id}/wishes", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["preferred_times"] == ["mon-fri 18:00-20:00"]
    with desk.house.sessions() as session:
        released = session.scalars(select(Callback).where(Callback.handle == handle)).one()
        assert (released.state, released.planned_at) == (CallbackState.WAITING, None)
    again = client.put(f"/api/v1/customers/{customer_id}/wishes", json={"preferred_times": ""})
    assert again.json()["preferred_times"] == []
    assert again.json()["forbidden_dates"] == ["2026-03-11/2026-03-13"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"preferred_times": "whenever"}, "bad_preferred_times"),
        ({"forbidden_dates": "2026-02-30"}, "bad_forbidden_dates"),
    ],
)
def test_a_wish_that_is_not_understood_changes_nothing(desk: Desk, body: dict[str, str], code: str) -> None:
    client = desk.supervisor()
    with desk.house.sessions.begin() as session:
        customer_id = add_customer(session, now=NOW, preferred_times=["daily 10:00-11:00"]).id
    answer = client.put(f"/api/v1/customers/{customer_id}/wishes", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    with desk.house.sessions() as session:
        assert session.get_one(Customer, customer_id).preferred_times == ["daily 10:00-11:00"]


def weighed(sessions: SessionFactory) -> alternatives.Weighed:
    with reading(sessions) as session:
        callback = session.scalars(select(Callback)).one()
        return alternatives.weigh(session, callback, now=NOW, zone=SHANGHAI)


def test_explain_names_the_wish_that_is_kept_and_what_other_times_would_cost(sessions: SessionFactory) -> None:
    at = planned(sessions, preferred_times=["thu 18:30-19:30"])
    found = weighed(sessions)
    assert found.wish == alternatives.Wish("thu 18:30-19:30", kept=True, points=0.0)
    elsewhere = [other for other in found.others if not other.wanted]
    assert elsewhere
    assert {other.why for other in elsewhere} == {"wish"}
    assert all(float(other.params["wish"]) > 0 for other in elsewhere)
    told = alternatives.tell(found, "zh", SHANGHAI)
    assert told[0] == "客户希望的来电时间：周四 18:30–19:30。目前的安排符合客户意愿。"
    assert any("客户希望 周四 18:30–19:30" in line for line in told[2:])
    assert at.hour in (18, 19)


def test_explain_names_the_wish_that_a_promise_went_before_with_its_price(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=NOW)
        customer = add_customer(session, now=NOW, preferred_times=["fri 18:00-19:30"])
        told = {"answer": "已处理", "answered_at": NOW, "opened_at": NOW, "promised_at": NOW + timedelta(hours=30)}
        add_case(session, customer, now=NOW, **told)
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    found = weighed(sessions)
    assert found.wish is not None
    assert not found.wish.kept
    assert found.wish.points > 0
    wanted = [other for other in found.others if other.wanted]
    assert [other.why for other in wanted] == ["missed"], "the nearest place at the wished time is named although far"
    told_en = alternatives.tell(found, "en", SHANGHAI)
    assert f"costs {found.wish.points:.1f} points" in told_en[0]
    assert any(
        "Fri, 13 Mar 2026, 18:00, Li (a time that the customer asked for): the due time" in line for line in told_en
    ), told_en
