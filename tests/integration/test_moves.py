"""What a supervisor moved is undone: places come back, what was worked on since is named. On both databases."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from callback.bootstrap import House
from callback.db.tables import AuditEntry, Callback, CaseHandler, Decision, Move, ShiftException, Slot
from callback.domain.words import CallbackState, CaseStatus
from callback.errors import Conflict, Invalid, NotFound
from callback.services import absences, candidates, moves, reassignments
from callback.services.planning import plan_day
from tests.town import add_agent, add_case, add_customer, make_unhappy

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Place = tuple[CallbackState, int | None, datetime | None, bool, bool]


def places(house: House) -> dict[str, Place]:
    with house.sessions() as session:
        rows = session.scalars(select(Callback))
        return {c.handle: (c.state, c.agent_id, c.planned_at, c.slot_id is not None, c.pinned) for c in rows}


def centre(house: House, now: datetime, *, calls: int = 6) -> tuple[int, int]:
    """Li has the calls, Zhao comes afterwards; the ids of both."""
    with house.sessions.begin() as session:
        li = add_agent(session, "li", now=now).id
        for _ in range(calls):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    plan_day(house.sessions, now=now, zone=house.zone)
    with house.sessions.begin() as session:
        zhao = add_agent(session, "zhao", now=now).id
    return li, zhao


def give(house: House, to: int | None, *, now: datetime, **how: object) -> reassignments.Outcome:
    with house.sessions.begin() as session:
        ids = list(session.scalars(select(Callback.id).order_by(Callback.id)))
        return reassignments.reassign(
            session,
            **{
                "callback_ids": ids,
                "to": None if to is None else frozenset({to}),
                "by": None,
                "reason": "knows them",
                "now": now,
                "zone": SHANGHAI,
                **how,
            },  # type: ignore[arg-type]
        )


def undo(house: House, move_id: int | None, now: datetime) -> moves.Undone:
    assert move_id is not None
    with house.sessions.begin() as session:
        return moves.undo(session, move_id, by=None, now=now, zone=SHANGHAI)


def test_undo_brings_every_place_back_once(house: House, now: datetime) -> None:
    _, zhao = centre(house, now)
    before = places(house)
    outcome = give(house, zhao, now=now)
    assert {agent for _, agent, *_ in places(house).values()} == {zhao}
    assert all(pinned for *_, pinned in places(house).values())

    undone = undo(house, outcome.move_id, now)

    assert (undone.restored, undone.stays) == (6, ())
    assert places(house) == before
    with pytest.raises(Conflict, match="undone"):
        undo(house, outcome.move_id, now)
    with house.sessions() as session:
        assert session.scalars(select(AuditEntry.action)).all().count("callbacks.move_undone") == 1
        assert session.scalar(select(func.count()).where(Decision.rule == "undone")) == 6


def test_a_move_that_does_not_exist_is_not_undone(house: House, now: datetime) -> None:
    with pytest.raises(NotFound):
        undo(house, 4711, now)


def test_what_was_worked_on_since_stays_and_is_named(house: House, now: datetime) -> None:
    _, zhao = centre(house, now)
    before = places(house)
    outcome = give(house, zhao, now=now)
    called, changed, *others = sorted(before)
    with house.sessions.begin() as session:
        in_progress = {"state": CallbackState.IN_PROGRESS, "lease_until": now + HOUR, "version": Callback.version + 1}
        session.execute(update(Callback).where(Callback.handle == called).values(in_progress))
        session.execute(update(Callback).where(Callback.handle == changed).values(version=Callback.version + 1))

    undone = undo(house, outcome.move_id, now)

    assert {(stay.handle, stay.reason) for stay in undone.stays} == {
        (called, "stays.in_progress"),
        (changed, "stays.changed"),
    }
    after = places(house)
    assert {handle: after[handle] for handle in others} == {handle: before[handle] for handle in others}
    assert after[called][1] == after[changed][1] == zhao


def test_a_place_that_was_given_away_meanwhile_is_shared(house: House, now: datetime) -> None:
    """Both stay; what comes back stands on top, pinned, as if placed by hand."""
    li, zhao = centre(house, now, calls=1)
    (handle, before), *_ = places(house).items()
    outcome = give(house, zhao, now=now)
    with house.sessions.begin() as session:
        slot = session.scalars(select(Slot.id).where(Slot.agent_id == li, Slot.starts_at == before[2])).one()
        for _ in range(5):
            customer = add_customer(session, now=now)
            case = add_case(session, customer, now=now, plan_at=None)
            session.add(
                Callback(
                    handle=f"full-{case.id:08}", case_id=case.id, customer_id=customer.id, purpose="answer",
                    channel="agent", state="assigned", priority=50, earliest_at=now, due_at=now + HOUR,
                    agent_id=li, slot_id=slot, planned_at=before[2], created_at=now, updated_at=now,
                )
            )  # fmt: skip
    assert undo(house, outcome.move_id, now).restored == 1
    assert places(house)[handle] == (*before[:4], True)


def test_nothing_goes_back_to_somebody_who_may_not_any_more(house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        li = add_agent(session, "li", now=now)
        case = add_case(
            session, add_customer(session, now=now), now=now, status=CaseStatus.CLOSED, closed_at=now, told_at=now
        )
        make_unhappy(session, case, at=now - HOUR)
        case_id, li_id = case.id, li.id
    plan_day(house.sessions, now=now, zone=house.zone)
    with house.sessions.begin() as session:
        zhao = add_agent(session, "zhao", now=now).id
    outcome = give(house, zhao, now=now)
    assert len(outcome.moved) == 1
    with house.sessions.begin() as session:
        session.add(CaseHandler(case_id=case_id, agent_id=li_id, role="answered", at=now))

    undone = undo(house, outcome.move_id, now)

    assert [stay.reason for stay in undone.stays] == ["rule.handled_case"]
    assert [agent for _, agent, *_ in places(house).values()] == [zhao]


def test_what_changed_between_preview_and_doing_is_named_and_the_rest_goes_through(house: House, now: datetime) -> None:
    _, zhao = centre(house, now)
    preview = give(house, zhao, now=now, dry_run=True)
    assert len(preview.moved) == 6
    assert preview.move_id is None
    changed = sorted(preview.versions)[0]
    with house.sessions.begin() as session:
        session.execute(update(Callback).where(Callback.handle == changed).values(version=Callback.version + 1))

    outcome = give(house, zhao, now=now, versions=preview.versions)

    assert len(outcome.moved) == 5
    assert [(stay.handle, stay.reason) for stay in outcome.stays] == [(changed, "stays.changed")]


def test_the_preview_says_what_it_does_to_the_load(house: House, now: datetime) -> None:
    li, zhao = centre(house, now)
    loads = {load.agent_id: load for load in give(house, zhao, now=now, dry_run=True).loads}
    assert (loads[li].before, loads[li].after) == (6, 0)
    assert (loads[zhao].before, loads[zhao].after) == (0, 6)
    assert loads[zhao].day == date(2026, 3, 11)


def test_a_callback_may_keep_its_part_of_the_day_when_it_changes_hands(house: House, now: datetime) -> None:
    """Its own place does not count as another contact of the customer."""
    _, zhao = centre(house, now)
    for moved in give(house, zhao, now=now).moved:
        assert moved.at < now + 2 * HOUR


def test_whoever_is_best_is_somebody_else(house: House, now: datetime) -> None:
    li, zhao = centre(house, now)
    outcome = give(house, None, now=now)
    assert {(moved.from_agent_id, moved.agent_id) for moved in outcome.moved} == {(li, zhao)}
    assert [stay.reason for stay in give(house, zhao, now=now).stays] == ["stays.same_agent"] * 6


def test_an_automatic_one_is_not_given_to_a_person(house: House, now: datetime) -> None:
    _, zhao = centre(house, now, calls=1)
    with house.sessions.begin() as session:
        session.execute(update(Callback).values(channel="sms"))
    assert [stay.reason for stay in give(house, zhao, now=now).stays] == ["stays.automatic"]


# ── Absences ────────────────────────────────────────────────────────────────────────────────────────────────────────


def away(house: House, agent_id: int, now: datetime, *, days: int = 1) -> reassignments.Outcome:
    today = now.astimezone(SHANGHAI).date()
    with house.sessions.begin() as session:
        return absences.enter(
            session, agent_id, first=today, last=today + timedelta(days=days - 1), reason="ill", by=None, now=now,
            zone=SHANGHAI,
        )  # fmt: skip


def test_an_absence_gives_the_list_to_others_and_undoing_it_brings_it_back(house: House, now: datetime) -> None:
    li, zhao = centre(house, now)
    before = places(house)
    today = now.astimezone(SHANGHAI).date()
    with house.sessions.begin() as session:
        preview = absences.preview(session, li, first=today, last=today, now=now, zone=SHANGHAI)
    assert {(moved.agent_id, moved.from_agent_id) for moved in preview.moved} == {(zhao, li)}
    assert places(house) == before

    outcome = away(house, li, now)

    assert {moved.handle for moved in outcome.moved} == set(before)
    assert {agent for _, agent, *_ in places(house).values()} == {zhao}
    with house.sessions() as session:
        assert session.scalar(select(func.count()).where(Slot.agent_id == li, Slot.starts_at < now + 12 * HOUR)) == 0

    undone = undo(house, outcome.move_id, now)

    assert undone.restored == 6
    assert places(house) == before
    with house.sessions() as session:
        assert session.scalars(select(ShiftException)).all() == []
        assert session.scalars(select(Move)).one().undone_at == now


def test_other_hours_entered_since_are_left_alone(house: House, now: datetime) -> None:
    li, _ = centre(house, now)
    outcome = away(house, li, now, days=2)
    tomorrow = now.astimezone(SHANGHAI).date() + timedelta(days=1)
    with house.sessions.begin() as session:
        hours = {"starts": datetime.min.time().replace(hour=15), "ends": datetime.min.time().replace(hour=17)}
        session.execute(update(ShiftException).where(ShiftException.day == tomorrow).values(hours))
    undo(house, outcome.move_id, now)
    with house.sessions() as session:
        assert [(row.day, row.starts) for row in session.scalars(select(ShiftException))] == [
            (tomorrow, hours["starts"])
        ]


def test_nobody_else_there_what_has_no_place_waits(house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        li = add_agent(session, "li", now=now).id
        add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    plan_day(house.sessions, now=now, zone=house.zone)
    outcome = away(house, li, now)
    assert (outcome.moved, len(outcome.stays)) == ((), 1)
    assert [state for state, *_ in places(house).values()] == [CallbackState.WAITING]
    assert undo(house, outcome.move_id, now).restored == 1


def test_an_absence_that_makes_no_sense_is_refused(house: House, now: datetime) -> None:
    li, _ = centre(house, now, calls=0)
    today = now.astimezone(SHANGHAI).date()
    with house.sessions.begin() as session, pytest.raises(Invalid):
        absences.enter(session, li, first=today, last=today - DAY, reason="", by=None, now=now, zone=SHANGHAI)
    with house.sessions.begin() as session, pytest.raises(Invalid):
        absences.preview(session, li, first=today, last=today + 401 * DAY, now=now, zone=SHANGHAI)


# ── Who may take them ───────────────────────────────────────────────────────────────────────────────────────────────


def test_who_may_take_them_and_who_may_not_and_why(house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        li = add_agent(session, "li", now=now, skills=["billing"])
        zhao = add_agent(session, "zhao", now=now, languages=["en"])
        case = add_case(
            session, add_customer(session, now=now), now=now, status=CaseStatus.CLOSED, closed_at=now, told_at=now
        )
        session.add(CaseHandler(case_id=case.id, agent_id=li.id, role="answered", at=now))
        make_unhappy(session, case, at=now - HOUR)
        for skill in ("billing", None, "fibre"):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR, required_skill=skill)
        li_id, zhao_id = li.id, zhao.id
    plan_day(house.sessions, now=now, zone=house.zone)
    with house.sessions() as session:
        ids = {c.case.required_skill or c.purpose.value: c for c in session.scalars(select(Callback))}
        found = candidates.look(session, [c.id for c in ids.values()], now=now)
        nobody = {ids["fibre"].handle, ids["second_call"].handle}
        one = candidates.who(session, ids["second_call"].id, now=now)
    agents = {agent.agent_id: agent for agent in found.agents}
    assert found.asked == 4
    assert [agent.agent_id for agent in found.agents] == [li_id, zhao_id]
    assert agents[li_id].allowed == 2
    assert set(agents[li_id].refused) == {("agent_skill", "fibre", 1), ("handled_case", "", 1)}
    assert agents[zhao_id].refused == (("agent_language", "zh", 4),)
    assert set(found.nobody) == nobody
    assert one.allowed == ()
    assert {(agent_id, refusal.reason) for agent_id, _, refused in one.barred for refusal in refused} == {
        (li_id, "handled_case"),
        (zhao_id, "agent_language"),
    }
