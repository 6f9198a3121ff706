"""Shifts, windows and limits, the retry table, calendars and escalation rules on the set-up pages."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.policies import load_policy, load_retry_table
from callback.db.tables import CalendarDay, Shift, ShiftException
from callback.domain.policy import Policy
from callback.domain.retry import DEFAULT_TABLE, RetryStep
from callback.domain.words import Disposition
from callback.services import escalations
from callback.settings import Settings
from callback.web.setup.policy import _shown
from tests.integration.call_centre import Centre
from tests.integration.conftest import StandingClock
from tests.integration.test_setup_agents import HTMX, _undo

JSON = HTMX | {"Accept": "application/json"}


def _week(house: House, agent_id: int) -> list[str]:
    with reading(house.sessions) as session:
        mine = session.scalars(select(Shift).where(Shift.agent_id == agent_id).order_by(Shift.weekday, Shift.starts))
        return [f"{s.weekday} {s.starts:%H:%M}-{s.ends:%H:%M}" for s in mine]


def _figures(**changed: str) -> dict[str, Any]:
    """The form of the policy as it is opened, with some fields typed over."""
    shown = {name: ("1" if value is True else value) for name, value in _shown(Policy()).items() if value is not False}
    return {"number": "0", **shown, **changed}


# ── Shifts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_week_is_typed_as_people_write_it_and_taken_back(desk: Any, house: House) -> None:
    chief = desk.supervisor()
    desk.agent("li")
    li = desk.ids["li"]
    saved = chief.post(f"/setup/shifts/{li}", data={"day_0": "9-12, 13:30至18", "day_6": "10-11"}, headers=HTMX)
    assert saved.status_code == 204, saved.text
    assert _week(house, li) == ["0 09:00-12:00", "0 13:30-18:00", "6 10:00-11:00"]
    wrong = chief.post(f"/setup/shifts/{li}", data={"day_0": "12-9", "day_1": "soon"}, headers=HTMX)
    assert wrong.status_code == 422
    assert "day_0-fault" in wrong.text
    assert "day_1-fault" in wrong.text
    assert chief.post(_undo(saved), headers=HTMX).status_code == 204
    assert _week(house, li) == []
    assert desk.agent("li").post(f"/setup/shifts/{li}", data={}, headers=JSON).status_code == 403


def test_what_would_have_to_move_is_told_before_it_does(
    desk: Any, house: House, settings: Settings, clock: StandingClock
) -> None:
    centre = Centre(house.sessions, settings, clock())
    chief = desk.supervisor()
    li = centre.agent("li")
    centre.callback(li, planned_at=clock() + timedelta(hours=5))
    centre.callback(li, planned_at=clock() + timedelta(hours=6), pinned=True)
    centre.callback(li, planned_at=clock() + timedelta(minutes=30))
    before = _week(house, li)
    week = {f"day_{weekday}": "9-12" for weekday in range(7)}
    asked = chief.post(f"/setup/shifts/{li}", data=week, headers=HTMX)
    assert asked.status_code == 200
    assert "Callbacks outside these hours: 2 (agents: 1)" in asked.text
    assert 'name="sure"' in asked.text
    assert _week(house, li) == before
    assert chief.post(f"/setup/shifts/{li}", data={**week, "sure": "1"}, headers=HTMX).status_code == 204
    assert _week(house, li)[0] == "0 09:00-12:00"


def test_days_that_differ(desk: Any, house: House) -> None:
    chief = desk.supervisor()
    desk.agent("li")
    address = f"/setup/shifts/{desk.ids['li']}/days"

    def days() -> list[tuple[date, bool, str | None]]:
        with reading(house.sessions) as session:
            mine = session.scalars(select(ShiftException).order_by(ShiftException.day))
            return [(row.day, row.starts is None, row.reason) for row in mine]

    away = {"first": "2026-03-16", "last": "2026-03-18", "what": "absent", "reason": "<b>ill</b>"}
    gone = chief.post(address, data=away, headers=HTMX)
    assert gone.status_code == 204, gone.text
    assert days() == [(date(2026, 3, 16 + n), True, "<b>ill</b>") for n in range(3)]
    assert "<b>ill" not in chief.get(f"/setup/shifts/{desk.ids['li']}?month=2026-03").text
    extra = {"first": "2026-03-17", "what": "hours", "hours": "10-12"}
    assert chief.post(address, data=extra, headers=HTMX).status_code == 204
    assert days()[1] == (date(2026, 3, 17), False, None)
    back = {"first": "2026-03-16", "last": "2026-03-18", "what": "week"}
    cleared = chief.post(address, data=back, headers=HTMX)
    assert days() == []
    assert chief.post(_undo(cleared), headers=HTMX).status_code == 204
    assert len(days()) == 3
    for wrong, field in (
        ({**away, "last": "2026-03-01"}, "last"),
        ({**away, "first": "soon"}, "first"),
        ({**away, "last": "2029-03-01"}, "last"),
        ({"first": "2026-03-17", "what": "hours", "hours": ""}, "hours"),
        ({"first": "2020-03-17", "what": "absent"}, "first"),
    ):
        answer = chief.post(address, data=wrong, headers=HTMX)
        assert answer.status_code == 422
        assert f'id="{field}-fault"' in answer.text, wrong


def test_one_week_for_many_and_back(desk: Any, house: House) -> None:
    chief = desk.supervisor()
    for login in ("li", "wang", "zhao"):
        desk.agent(login)
    ids = [str(desk.ids[login]) for login in ("li", "wang")]
    editor = chief.post("/setup/shifts/many", data={"agent": ids}, headers=HTMX)
    assert editor.status_code == 200
    assert all(f'value="{agent}"' in editor.text for agent in ids)
    saved = chief.post("/setup/shifts/many/save", data={"agent": ids, "day_2": "9-17"}, headers=HTMX)
    assert saved.status_code == 204, saved.text
    assert [_week(house, desk.ids[login]) for login in ("li", "wang", "zhao")] == [
        ["2 09:00-17:00"], ["2 09:00-17:00"], [],
    ]  # fmt: skip
    assert chief.post(_undo(saved), headers=HTMX).status_code == 204
    assert _week(house, desk.ids["wang"]) == []
    everybody = chief.post("/setup/shifts/many?role=agent", data={"everybody": "1"}, headers=HTMX)
    assert everybody.text.count('name="agent"') == 3
    assert chief.post("/setup/shifts/many", data={}, headers=HTMX).status_code == 422


# ── Windows and limits ──────────────────────────────────────────────────────────────────────────────────────────────


def test_figures_are_checked_versioned_and_taken_back(desk: Any, house: House) -> None:
    admin, chief = desk.administrator(), desk.supervisor()
    form = _figures(attempts_per_day="1", calling_windows="10-12", cool_off="2.5", slot_overfill="20")
    saved = admin.post("/setup/policy", data=form, headers=HTMX)
    assert saved.status_code == 204, saved.text
    with reading(house.sessions) as session:
        policy = load_policy(session)
    assert (policy.attempts_per_day, policy.cool_off, policy.slot_overfill) == (1, timedelta(hours=2.5), 0.2)
    page = chief.get("/setup/policy").text
    assert "Changes are made by an administrator" in page
    assert "2.5 h" in page
    late = admin.post("/setup/policy", data=_figures(attempts_per_day="2"), headers=JSON)
    assert late.json()["code"] == "changed_meanwhile"
    assert admin.post(_undo(saved), headers=HTMX).status_code == 204
    with reading(house.sessions) as session:
        assert load_policy(session) == Policy()
    # The first version again, by its number; and the defaults by the number 0.
    assert admin.post("/setup/restore/policy/1", headers=HTMX).status_code == 204
    with reading(house.sessions) as session:
        assert load_policy(session) == policy
    assert admin.post("/setup/restore/policy/0", headers=HTMX).status_code == 204
    assert admin.post("/setup/restore/policy/99", headers=JSON).json()["code"] == "setup_version_not_found"
    assert chief.post("/setup/restore/policy/1", headers=JSON).json()["code"] == "scope_missing"
    assert chief.post("/setup/policy", data=form, headers=JSON).json()["code"] == "scope_missing"


@pytest.mark.parametrize(
    ("field", "value", "at"),
    [
        ("calling_windows", "7-12", "calling_windows"),
        ("calling_windows", "14-22", "calling_windows"),
        ("calling_windows", "", "calling_windows"),
        ("calling_windows", "9-12, 11-14", "calling_windows"),
        ("attempts_per_day", "1.5", "attempts_per_day"),
        ("attempts_per_day", "9" * 5_000, "attempts_per_day"),
        ("survey_due", "1", "survey_due"),
        ("slot_overfill", "200", "slot_overfill"),
        ("country_0", "China", "automatic_countries"),
        ("channel_0_0", "pigeon", "automatic_countries"),
    ],
)
def test_no_figure_goes_beyond_what_customers_are_owed(
    desk: Any, house: House, field: str, value: str, at: str
) -> None:
    answer = desk.administrator().post("/setup/policy", data=_figures(**{field: value}), headers=HTMX)
    assert answer.status_code == 422
    assert f'id="{at}-fault"' in answer.text
    with reading(house.sessions) as session:
        assert load_policy(session) == Policy()


def test_figures_are_tried_on_the_plan_of_today(
    desk: Any, house: House, settings: Settings, clock: StandingClock
) -> None:
    centre = Centre(house.sessions, settings, clock()).open()
    centre.agent("li")
    centre.callback(None)
    tried = desk.administrator().post("/setup/policy/preview", data=_figures(calling_windows="10-12"), headers=HTMX)
    assert "Callbacks placed" in tried.text
    faulty = desk.administrator().post("/setup/policy/preview", data=_figures(slot="1"), headers=HTMX)
    assert "First mend what is wrong" in faulty.text
    with reading(house.sessions) as session:
        assert load_policy(session) == Policy()


# ── The retry table ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_of_the_retry_table(desk: Any, house: House) -> None:
    admin = desk.administrator()
    form = {"number": "0", "then_0": "again", "amount_0": "2", "unit_0": "hours", "other_0": "1", "then_1": "stop"}
    told = admin.post("/setup/retry/busy/preview", data=form, headers=HTMX)
    assert "next try" in told.text
    saved = admin.post("/setup/retry/busy", data=form, headers=HTMX)
    assert saved.status_code == 204, saved.text
    with reading(house.sessions) as session:
        assert load_retry_table(session)[Disposition.BUSY] == (
            RetryStep(delay=timedelta(hours=2), other_part_of_day=True),
            RetryStep(delay=None),
        )
    assert "changed here" in admin.get("/setup/retry").text
    assert admin.post("/setup/retry/busy", data=form, headers=JSON).json()["code"] == "changed_meanwhile"
    assert admin.post(_undo(saved), headers=HTMX).status_code == 204
    with reading(house.sessions) as session:
        assert load_retry_table(session) == DEFAULT_TABLE


@pytest.mark.parametrize(
    ("disposition", "form", "at"),
    [
        ("busy", {}, "then_0"),
        ("busy", {"then_0": "stop", "then_1": "again", "amount_1": "1", "unit_1": "hours"}, "then_0"),
        ("busy", {"then_0": "again", "amount_0": "99", "unit_0": "days"}, "then_0"),
        ("busy", {"then_0": "again", "amount_0": "soon", "unit_0": "days"}, "amount_0"),
        ("busy", {"then_0": "again", "amount_0": "1", "unit_0": "hours", "uncounted_0": "1"}, "then_0"),
        ("refused", {"then_0": "again", "amount_0": "1", "unit_0": "days"}, "then_0"),
        ("wrong_number", {"then_0": "again", "amount_0": "1", "unit_0": "days"}, "then_0"),
    ],
)
def test_a_line_that_cannot_be_meant_is_told_at_its_place(
    desk: Any, disposition: str, form: dict[str, str], at: str
) -> None:
    answer = desk.administrator().post(f"/setup/retry/{disposition}", data={"number": "0", **form}, headers=HTMX)
    assert answer.status_code == 422
    assert f'id="{at}-fault"' in answer.text


# ── Calendars ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_of_our_own_wins_and_is_taken_back(desk: Any, house: House) -> None:
    admin = desk.administrator()
    days = {"first": "2026-03-12", "last": "2026-03-13", "kind": "holiday", "name": "<i>公司年会</i>"}
    added = admin.post("/setup/calendars/CN", data=days, headers=HTMX)
    assert added.status_code == 204, added.text
    page = admin.get("/setup/calendars?country=CN&year=2026").text
    assert "公司年会" in page
    assert "<i>公司年会" not in page
    assert admin.post("/setup/calendars/CN/2026-03-12/remove", headers=HTMX).status_code == 204
    assert admin.post(_undo(added), headers=JSON).json()["code"] == "setup_changed_since"
    with reading(house.sessions) as session:
        assert session.scalars(select(CalendarDay.day)).all() == [date(2026, 3, 13)]
    assert "fault" in admin.post("/setup/calendars/CN", data={**days, "last": "2026-01-01"}, headers=HTMX).text
    assert admin.post("/setup/calendars/CN", data={**days, "last": "2027-01-01"}, headers=HTMX).status_code == 422
    chief = desk.supervisor()
    assert chief.post("/setup/calendars/CN", data=days, headers=JSON).json()["code"] == "scope_missing"
    assert admin.get("/setup/calendars?country=XX&year=9999").status_code == 200


# ── Escalation ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rules_are_made_moved_switched_and_removed(desk: Any, house: House) -> None:
    admin = desk.administrator()

    def keys() -> list[str]:
        with reading(house.sessions) as session:
            return [rule.key for rule in escalations.rules(session) if rule.enabled]

    shipped = keys()
    rule = {
        "number": "0", "trigger": "overdue", "amount": "30", "unit": "minutes", "severity": "minor", "mark": "1",
        "raise_to": "70", "told": "leader", "enabled": "1",
    }  # fmt: skip
    assert "Things it would fire for now" in admin.post("/setup/escalation/new/preview", data=rule, headers=HTMX).text
    made = admin.post("/setup/escalation/new", data=rule, headers=HTMX)
    assert made.status_code == 204, made.text
    assert keys() == [*shipped, "rule_1"]
    assert admin.post("/setup/escalation/rule_1/up", data={"number": "1"}, headers=HTMX).status_code == 204
    assert keys()[-2] == "rule_1"
    assert admin.post("/setup/escalation/blocked/off", data={"number": "2"}, headers=HTMX).status_code == 204
    assert "blocked" not in keys()
    late = admin.post("/setup/escalation/rule_1/remove", data={"number": "2"}, headers=JSON)
    assert late.json()["code"] == "changed_meanwhile"
    removed = admin.post("/setup/escalation/rule_1/remove", data={"number": "3"}, headers=HTMX)
    assert "rule_1" not in keys()
    assert admin.post(_undo(removed), headers=HTMX).status_code == 204
    assert "rule_1" in keys()
    assert admin.post("/setup/escalation/all/default", data={"number": "5"}, headers=HTMX).status_code == 204
    assert keys() == shipped
    for wrong, at in (
        ({**rule, "mark": "", "raise_to": "", "told": "nobody"}, "told"),
        ({**rule, "trigger": "promise_due", "amount": "0"}, "amount"),
        ({**rule, "raise_to": "101"}, "raise_to"),
    ):
        answer = admin.post("/setup/escalation/new", data={**wrong, "number": "6"}, headers=HTMX)
        assert answer.status_code == 422
        assert f'id="{at}-fault"' in answer.text
    assert desk.supervisor().post("/setup/escalation/new", data=rule, headers=JSON).status_code == 403
    assert "versions-title" in desk.supervisor("other").get("/setup/escalation").text


def test_notices_are_read_by_who_was_told(desk: Any, house: House, settings: Settings, clock: StandingClock) -> None:
    chief = desk.supervisor()
    centre = Centre(house.sessions, settings, clock())
    centre.callback(None, due_at=clock() - timedelta(hours=9))
    escalations.look(house.sessions, now=clock())
    assert "1" in chief.get("/notices/count", headers=HTMX).text
    page = chief.get("/notices").text
    assert "A callback is overdue" in page
    assert chief.post("/notices/read?up_to=99", headers=HTMX).status_code == 200
    assert chief.get("/notices/count", headers=HTMX).text.strip() == ""
    assert "No notices" in desk.agent("li").get("/notices").text
