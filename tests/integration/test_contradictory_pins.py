"""Contradictory pins are named to the supervisor, each with its reason, in both languages: on both databases."""

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from callback.db.engine import SessionFactory, reading
from callback.db.tables import Agent, Callback, Customer, Slot
from callback.domain.words import CallbackState, CaseStatus
from callback.services import findings
from callback.services.planning import plan_day
from tests.town import add_agent, add_case, add_customer

THE_NAME_LI = re.compile(r"(?<![-A-Za-z0-9_])Li(?![-A-Za-z0-9_])")
"""And not in the middle of a handle."""
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def pinned_from_eleven(sessions: SessionFactory, now: datetime, *, cases: int) -> None:
    """So many callbacks, the first two of one customer, pinned to one agent a minute apart."""
    with sessions.begin() as session:
        add_agent(session, "li", now=now, hours=((time(9), time(12)),), daily_capacity=8)
        answered = {"answer": "已修好", "answered_at": now, "promised_at": now + 30 * HOUR}
        twice = add_customer(session, now=now)
        for n in range(cases):
            customer = twice if n < 2 else add_customer(session, now=now)
            add_case(session, customer, now=now, status=CaseStatus.PENDING, **answered)
    plan_day(sessions, now=now, zone=SHANGHAI)
    with sessions.begin() as session:
        slot = session.scalars(select(Slot).where(Slot.starts_at == now + HOUR)).one()
        for n, callback in enumerate(session.scalars(select(Callback).order_by(Callback.id))):
            callback.pinned, callback.state, callback.blocked_by = True, CallbackState.ASSIGNED, None
            callback.agent_id, callback.slot_id, callback.planned_at = slot.agent_id, slot.id, now + HOUR + n * MINUTE


def faults(sessions: SessionFactory, now: datetime) -> list[findings.Fault]:
    with reading(sessions) as session:
        return [fault for fault in findings.find_faults(session, now=now) if fault.code.startswith("pin")]


def test_each_contradiction_of_pins_is_told_apart_by_name_and_reason(sessions: SessionFactory, now: datetime) -> None:
    pinned_from_eleven(sessions, now, cases=10)
    found = faults(sessions, now)
    codes = [fault.code for fault in found]
    assert codes == [*["pins_overlap"] * 9, "pins_overfill_slot", "pins_overfill_day", "pins_same_customer"]
    with sessions() as session:
        handles = list(session.scalars(select(Callback.handle).order_by(Callback.id)))
    assert [(f.who, f.params["other"]) for f in found if f.code == "pins_overlap"] == list(
        zip(handles[1:], handles, strict=False)
    )
    assert (found[-1].who, found[-1].params["other"]) == (handles[1], handles[0])
    for language in ("en", "zh"):
        told = [findings.tell(fault, language, zone=SHANGHAI) for fault in found]
        assert len(set(told)) == len(told)
        assert all(len(THE_NAME_LI.findall(one)) == 1 for one in told[:-1])
        assert "60" in told[9]
        assert "11:00" in told[9]


def test_all_the_rules_that_speak_against_a_pin_are_named(sessions: SessionFactory, now: datetime) -> None:
    pinned_from_eleven(sessions, now, cases=1)
    with sessions.begin() as session:
        night = now.replace(hour=15)
        session.execute(update(Callback).values(planned_at=night))
        session.execute(update(Customer).values(forbidden_dates=[now.date().isoformat()], language="zh"))
        session.execute(update(Agent).values(languages=["en"]))
        callback = session.scalars(select(Callback)).one()
        callback.case.required_skill = "billing"
    forbidden, illegal = faults(sessions, now)
    assert (forbidden.code, illegal.code) == ("pin_forbidden", "pin_illegal_moment")
    assert len(forbidden.refused) == len(forbidden.params["reason"].split(", ")) == 2
    assert len(illegal.refused) >= 2
    for fault in (forbidden, illegal):
        told = findings.tell(fault, "en", zone=SHANGHAI)
        assert all(told.count(f"({first}") or told.count(f", {first}") for first in _first_words(fault))


def _first_words(fault: findings.Fault) -> list[str]:
    return [findings.tell(one, "en", zone=SHANGHAI).split("(")[1][:12] for one in _alone(fault)]


def _alone(fault: findings.Fault) -> list[findings.Fault]:
    return [findings.Fault(fault.code, fault.who, fault.params, None, (refusal,)) for refusal in fault.refused]
