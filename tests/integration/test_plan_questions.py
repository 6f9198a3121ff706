"""Questions to the plan, faults told apart, shards, and places given anew: on both databases."""

import json
import threading
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from callback.db.engine import SessionFactory, reading
from callback.db.policies import save_policy
from callback.db.tables import Agent, Callback, Case, CaseHandler, Decision, Shift, ShiftException, Team
from callback.domain.words import CallbackState
from callback.errors import Invalid, NotFound
from callback.services import (
    absences,
    alternatives,
    explanations,
    findings,
    housekeeping,
    kept_plans,
    plan_files,
    what_if,
)
from callback.services.assignments import assign
from callback.services.optimum import OptimalAssigner, Proof
from callback.services.planning import plan_day
from callback.services.problems import read_problem
from callback.texts import say
from tests.town import add_agent, add_case, add_customer, fill, make_unhappy

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MORNING = ((time(9), time(12)),)


def places(sessions: SessionFactory) -> dict[int, tuple[int | None, datetime | None]]:
    with sessions() as session:
        rows = session.execute(select(Callback.id, Callback.agent_id, Callback.planned_at))
        return {row.id: (row.agent_id, row.planned_at) for row in rows}


def fill_the_morning(sessions: SessionFactory, now: datetime) -> dict[int, tuple[int | None, datetime | None]]:
    """All twenty places until noon are taken by what has time until tomorrow."""
    with sessions.begin() as session:
        add_agent(session, "li", now=now, hours=MORNING)
    fill(sessions, now, cases=20, due=2 * HOUR)
    plan_day(sessions, now=now, zone=SHANGHAI)
    with sessions.begin() as session:
        session.execute(update(Callback).values(due_at=now + 30 * HOUR))
    before = places(sessions)
    assert len(before) == 20
    assert all(place[1] and place[1] < now + 2 * HOUR for place in before.values())
    return before


def test_planning_afresh_moves_only_what_makes_it_better(sessions: SessionFactory, now: datetime) -> None:
    before = fill_the_morning(sessions, now)
    fill(sessions, now, cases=4, due=2 * HOUR)
    done = plan_day(sessions, now=now, zone=SHANGHAI, afresh=True)
    after = places(sessions)
    with sessions() as session:
        late = session.scalars(select(Callback.id).where(Callback.planned_at > Callback.due_at)).all()
    assert not late
    assert 4 <= done.callbacks.moved == sum(after[i] != place for i, place in before.items())

    plan_day(sessions, now=now, zone=SHANGHAI, afresh=True)
    assert places(sessions) == after, "nothing is better elsewhere, so nothing moves"


def test_a_new_promise_takes_the_place_of_one_that_can_wait(sessions: SessionFactory, now: datetime) -> None:
    before = fill_the_morning(sessions, now)
    fill(sessions, now, cases=1, due=2 * HOUR)

    done = plan_day(sessions, now=now, zone=SHANGHAI)

    after = places(sessions)
    (new,) = after.keys() - before.keys()
    assert after[new][1] is not None
    assert after[new][1] <= now + 2 * HOUR  # type: ignore[operator]
    assert [after[i] != place for i, place in before.items()].count(True) == done.callbacks.moved == 1
    frozen = [i for i, (_, at) in before.items() if at and at < now + HOUR / 2]
    assert frozen
    assert all(after[i] == before[i] for i in frozen), "nothing moves that begins within the half hour"


def test_what_if_shows_the_difference_and_writes_nothing(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        li, zhao = (add_agent(session, name, now=now, hours=MORNING).id for name in ("li", "zhao"))
    fill(sessions, now, cases=30)
    plan_day(sessions, now=now, zone=SHANGHAI)
    before = places(sessions)
    with reading(sessions) as session:
        absent = what_if.compare(session, what_if.Change(absent=frozenset({zhao})), moment=now, zone=SHANGHAI)
        shift = what_if.ExtraShift(li, now.date(), time(14), time(16))
        more = what_if.compare(session, what_if.Change(extra=(shift,)), moment=now, zone=SHANGHAI)
        short = what_if.compare(
            session, what_if.Change(figures={"calling_windows": [["09:00", "10:00"]]}), moment=now, zone=SHANGHAI
        )
    assert absent.otherwise.in_time < absent.today.in_time
    assert absent.moved > 0
    assert more.otherwise.in_time >= more.today.in_time
    assert absent.today.placed == sum(agent_id is not None for agent_id, _ in before.values())
    assert short.otherwise.in_time < short.today.in_time
    assert places(sessions) == before


def test_what_if_cuts_other_days_and_other_slots(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"planning_horizon_days": 2})
        add_agent(session, "li", now=now, hours=MORNING)
    fill(sessions, now, cases=100)
    plan_day(sessions, now=now, zone=SHANGHAI)
    standing = sum(agent_id is not None for agent_id, _ in places(sessions).values())

    def ask(**figures: object) -> what_if.Comparison:
        with reading(sessions) as session:
            return what_if.compare(session, what_if.Change(figures=figures), moment=now, zone=SHANGHAI)

    for days, less in ((1, True), (3, False)):
        found = ask(planning_horizon_days=days)
        assert found.today.placed == standing
        assert (found.otherwise.placed < standing) is less, days
        assert found.otherwise.placed != standing
    assert ask(slot=3600).otherwise.placed >= standing
    assert ask(planning_horizon_days=2).moved == 0


def test_whoever_gets_a_first_shift_in_a_what_if_is_held_to_the_rules_about_persons(
    sessions: SessionFactory, now: datetime
) -> None:
    """A second call by whoever handled the case is forbidden in every world."""
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"planning_horizon_days": 1})
        wang, zhao = (add_agent(session, name, now=now, hours=()).id for name in ("wang", "zhao"))
        case = add_case(
            session, add_customer(session, now=now), now=now, answer="已修好", answered_at=now, told_at=now, plan_at=now
        )
        session.add(CaseHandler(case_id=case.id, agent_id=wang, role="answered", at=now))
        make_unhappy(session, case, at=now - DAY)
    plan_day(sessions, now=now, zone=SHANGHAI)

    def placed_with(agent_id: int) -> int:
        change = what_if.Change(extra=(what_if.ExtraShift(agent_id, now.date(), time(14), time(17)),))
        with reading(sessions) as session:
            return what_if.compare(session, change, moment=now, zone=SHANGHAI).otherwise.placed

    assert (placed_with(wang), placed_with(zhao)) == (0, 1)


def test_the_lost_ones_come_first_of_all_teams_together() -> None:
    here = (1, datetime(2026, 3, 11, 10, tzinfo=UTC))
    world = what_if.World(placed=0, in_time=0, expected_contacts=0, left=Counter(), proof=Proof())

    def part(*shifted: what_if.Shifted) -> what_if.Comparison:
        return what_if.Comparison(today=world, otherwise=world, moved=0, gained=(), lost=(), shifted=shifted)

    moved = [what_if.Shifted(callback_id=n, before=here, after=here) for n in range(what_if.MOST_SHIFTED)]
    lost = what_if.Shifted(callback_id=999, before=here, after=None)
    both = part(*moved).joined(part(lost)).shifted
    assert (both[0], len(both)) == (lost, what_if.MOST_SHIFTED)


def test_hours_that_somebody_works_anyway_bring_nothing(sessions: SessionFactory, now: datetime) -> None:
    """However they are cut: an extra shift inside the shift is no shift more, one that overlaps adds its rest."""
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"planning_horizon_days": 1})
        li = add_agent(session, "li", now=now, hours=((time(10), time(12)),)).id
    fill(sessions, now, cases=60)
    plan_day(sessions, now=now, zone=SHANGHAI)

    def ask(starts: time, ends: time) -> what_if.Comparison:
        with reading(sessions) as session:
            change = what_if.Change(extra=(what_if.ExtraShift(li, now.date(), starts, ends),))
            return what_if.compare(session, change, moment=now, zone=SHANGHAI)

    inside, overlapping = ask(time(10, 15), time(12)), ask(time(11), time(15))  # nobody is called over noon
    assert (inside.otherwise.placed, inside.moved) == (inside.today.placed, 0)
    assert 0 < overlapping.otherwise.placed - overlapping.today.placed <= 11


def test_a_first_shift_and_one_that_cannot_be_asked_about(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"planning_horizon_days": 1})
        add_agent(session, "li", now=now, hours=MORNING)
        new = add_agent(session, "wang", now=now, hours=()).id
    fill(sessions, now, cases=60)
    plan_day(sessions, now=now, zone=SHANGHAI)

    def ask(change: what_if.Change) -> what_if.Comparison:
        with reading(sessions) as session:
            return what_if.compare(session, change, moment=now, zone=SHANGHAI)

    def refused(change: what_if.Change) -> str:
        with pytest.raises(Invalid) as found:
            ask(change)
        return say(f"error.{found.value.code}", "en", **found.value.params)

    def shift(day: date, starts: time, ends: time) -> what_if.Change:
        return what_if.Change(extra=(what_if.ExtraShift(new, day, starts, ends),))

    first = ask(shift(now.date(), time(14), time(16)))
    assert first.otherwise.placed > first.today.placed
    assert "from 18:00 to 09:00" in refused(shift(now.date(), time(18), time(9)))
    for day in (now.date() - DAY, now.date() + 400 * DAY):
        assert "is not planned" in refused(shift(day, time(14), time(16)))
    assert "wang has no shifts" in refused(what_if.Change(absent=frozenset({new}))).casefold()
    wrong: tuple[dict[str, Any], ...] = (
        {"slot": 0}, {"slot_overfill": -1}, {"attempts_per_day": 0}, {"planning_horizon_days": "x"},
        {"calling_windows": []}, {"calling_windows": [["06:00", "23:00"]]}, {"handling_time": 0},
    )  # fmt: skip
    for figures in wrong:
        with pytest.raises(Invalid) as found:
            ask(what_if.Change(figures=figures))
        assert found.value.code == "policy_figure", figures


def test_what_if_takes_from_the_absent_what_a_real_absence_takes(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        li, zhao = (add_agent(session, name, now=now, hours=MORNING, languages=["zh"]).id for name in ("li", "zhao"))
        add_agent(session, "wang", now=now, hours=MORNING, languages=["en"])
    fill(sessions, now, cases=16)
    plan_day(sessions, now=now, zone=SHANGHAI)
    with sessions.begin() as session:
        frozen = session.scalars(
            select(Callback.id).where(Callback.agent_id == zhao, Callback.planned_at < now + HOUR / 2)
        ).all()
        last = select(func.max(Callback.id)).where(Callback.agent_id == zhao, Callback.id.not_in(frozen))
        pinned = session.scalars(last).one()
        session.execute(update(Callback).where(Callback.id == pinned).values(pinned=True))
    held = [i for i, (agent_id, _) in places(sessions).items() if agent_id == zhao]
    assert frozen
    assert pinned in held

    def ask(*absent: int) -> what_if.Comparison:
        with reading(sessions) as session:
            return what_if.compare(session, what_if.Change(absent=frozenset(absent)), moment=now, zone=SHANGHAI)

    one, both = ask(zhao), ask(li, zhao)
    assert one.people[zhao] == (len(held), 0)
    assert {*frozen, pinned} <= {shift.callback_id for shift in one.shifted}
    assert one.kept + one.moved + len(one.lost) == one.today.placed >= len(held)
    assert set(both.lost) == set(places(sessions)), "nobody is left who speaks with them"

    with sessions.begin() as session:
        absences.enter(session, zhao, first=now.date(), last=now.date() + 30 * DAY, reason="ill", by=None, now=now,
                       zone=SHANGHAI)  # fmt: skip
    plan_day(sessions, now=now, zone=SHANGHAI, afresh=True)
    after = [agent_id for agent_id, _ in places(sessions).values()]
    assert zhao not in after
    assert len(one.lost) == after.count(None), "what was forecast is what happens"


def test_an_exported_plan_is_replayed_to_the_byte_and_a_changed_one_is_not(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        add_agent(session, "zhao", now=now, languages=["zh"])
    fill(sessions, now, cases=25)
    plan_day(sessions, now=now, zone=SHANGHAI)
    with reading(sessions) as session:
        problem = read_problem(session, moment=now, zone=SHANGHAI, afresh=True)
    solution = OptimalAssigner().solve(problem.demands, problem.roster, problem.policy)
    content = plan_files.export(problem.demands, problem.roster, problem.policy, solution)
    assert len(json.loads(content)["demands"]) == len(problem.demands) > 0
    found = plan_files.replay(content.encode())
    assert (found.again, found.same, found.differing) == (content, True, ())
    tampered = json.loads(content)
    tampered["answer"]["placed"][0][2] += 1
    changed = json.dumps(tampered, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"
    found = plan_files.replay(changed.encode())
    assert (found.again, found.same, found.differing) == (content, False, (tampered["answer"]["placed"][0][0],))


def test_a_planning_that_was_is_exported_and_replayed(sessions: SessionFactory, now: datetime) -> None:
    """What agents saw in the morning, though much has changed since; nothing is kept unless the house wants it."""
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
    fill(sessions, now, cases=8)
    plan_day(sessions, now=now, zone=SHANGHAI)
    with reading(sessions) as session, pytest.raises(NotFound):
        kept_plans.at(session, now)
    fill(sessions, now, cases=4)
    plan_day(sessions, now=now + HOUR, zone=SHANGHAI, keep=True)
    morning = places(sessions)
    fill(sessions, now, cases=5)
    plan_day(sessions, now=now + 2 * HOUR, zone=SHANGHAI, keep=True)
    with reading(sessions) as session:
        ((at, shard, content),) = kept_plans.at(session, now + 1.5 * HOUR)
        ((later, _, _),) = kept_plans.at(session, now + 9 * HOUR)
        with pytest.raises(NotFound):
            kept_plans.at(session, now)
    assert (at, later, shard) == (now + HOUR, now + 2 * HOUR, "all")
    assert plan_files.replay(content.encode()).same
    told = {
        i: (agent, datetime.fromisoformat(moment)) for i, _, agent, moment in json.loads(content)["answer"]["placed"]
    }
    assert len(told) == 4
    assert told.items() <= morning.items(), "what the file says is what stood in the lists"
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"plan_by_team": True})
    fill(sessions, now, cases=6)
    plan_day(sessions, now=now + 3 * HOUR, zone=SHANGHAI, keep=True)
    with reading(sessions) as session:
        assert [part for _, part, _ in kept_plans.at(session, now + 9 * HOUR)] == ["rest"], (
            "not planned at once any more"
        )
        assert [part for _, part, _ in kept_plans.at(session, now + 2.5 * HOUR)] == ["all"]
    with sessions.begin() as session:
        thrown = housekeeping.purge(session, now=now + DAY + 1.5 * HOUR, keep_plans=DAY)
        assert thrown["kept_plans"] == 1


@pytest.mark.parametrize(
    "broken",
    [b"\xff\xfe", b"[]", "slot", "priority", "naive", "no answer"],
)
def test_a_file_that_is_no_plan_is_refused_in_words(
    sessions: SessionFactory, now: datetime, broken: bytes | str
) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
    fill(sessions, now, cases=25)
    plan_day(sessions, now=now, zone=SHANGHAI)
    with reading(sessions) as session:
        problem = read_problem(session, moment=now, zone=SHANGHAI, afresh=True)
    solution = OptimalAssigner().solve(problem.demands, problem.roster, problem.policy)
    whole = json.loads(plan_files.export(problem.demands, problem.roster, problem.policy, solution))
    if broken == "slot":
        whole["policy"]["slot"] = 0
    elif broken == "priority":
        whole["demands"][0]["priority"] = "high"
    elif broken == "naive":
        whole["demands"][0]["due"] = "2026-03-11T10:00:00"
    elif broken == "no answer":
        del whole["answer"]
    content = broken if isinstance(broken, bytes) else json.dumps(whole).encode()
    with pytest.raises(Invalid) as refused:
        plan_files.replay(content)
    assert refused.value.code == "plan_file"


def test_each_fault_is_named_and_the_rest_is_planned(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        add_agent(session, "mute", now=now, languages=[])
        add_agent(session, "idle", now=now, daily_capacity=0)
        owl = add_agent(session, "owl", now=now, hours=((time(22), time(23)),))
        brief = add_agent(session, "brief", now=now, hours=((time(9), time(9, 10)),))
        twice = add_agent(session, "twice", now=now, hours=((time(9), time(12)),))
        session.add(Shift(agent_id=twice.id, weekday=0, starts=time(11), ends=time(13)))
        session.add(ShiftException(agent_id=brief.id, day=(now + DAY).date()))
        session.add(ShiftException(agent_id=brief.id, day=(now + DAY).date(), starts=time(10), ends=time(12)))
        add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR, required_skill="law")
        add_case(session, add_customer(session, now=now, language="fr"), now=now, promised_at=now + HOUR)
        pins = [add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR).id for _ in range(2)]
        add_case(session, add_customer(session, now=now), now=now - DAY, promised_at=now - HOUR, plan_at=now)
        owl_id = owl.id
    plan_day(sessions, now=now, zone=SHANGHAI)
    with sessions.begin() as session:
        night = now.replace(hour=14, minute=0)
        pinned = update(Callback).where(Callback.case_id.in_(pins))
        session.execute(pinned.values(pinned=True, agent_id=owl_id, planned_at=night, state="assigned", slot_id=None))
    with reading(sessions) as session:
        found = findings.find_faults(session, now=now)
    by_code = {fault.code for fault in found}
    assert {
        "agent_without_language", "agent_without_capacity", "agent_without_skills", "skill_nobody_has",
        "shift_outside_windows", "shift_too_short", "shifts_overlap", "absent_and_at_work",
        "pin_without_shift", "pins_collide", "pin_illegal_moment", "due_passed", "nobody_qualifies",
    } <= by_code  # fmt: skip
    assert {f.who for f in found if f.code == "agent_without_language"} == {"Mute"}
    with sessions() as session:
        placed = session.scalar(select(func.count()).where(Callback.state == CallbackState.ASSIGNED))
    assert placed == 3


def test_teams_are_planned_by_themselves_by_many_at_once(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"plan_by_team": True})
        teams = [Team(name=f"team {n}", created_at=now) for n in range(3)]
        session.add_all(teams)
        session.flush()
        customers = [add_customer(session, now=now) for _ in range(12)]
        for team in teams:
            add_agent(session, f"of-{team.id}", now=now, team_id=team.id)
            for customer in customers:
                add_case(session, customer, now=now, promised_at=now + HOUR, team_id=team.id)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            plan_day(sessions, now=now, zone=SHANGHAI)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    plan_day(sessions, now=now, zone=SHANGHAI)
    with sessions() as session:
        rows = session.execute(
            select(Callback.customer_id, Callback.planned_at, Agent.team_id, Case.team_id.label("case_team"))
            .join(Agent, Agent.id == Callback.agent_id)
            .join(Case, Case.id == Callback.case_id)
        ).all()
    assert len(rows) == 36
    assert all(row.team_id == row.case_team for row in rows)
    parts = [(r.customer_id, r.planned_at.astimezone(SHANGHAI).date(), _part(r.planned_at)) for r in rows]
    assert len(parts) == len(set(parts)), "one customer twice in one part of a day, by two teams"


def _part(at: datetime) -> int:
    hour = at.astimezone(SHANGHAI).hour
    return (hour >= 12) + (hour >= 17)


def test_explain_names_what_lost_and_its_price(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        add_agent(session, "zhao", now=now)
    fill(sessions, now, cases=6)
    plan_day(sessions, now=now, zone=SHANGHAI)
    with reading(sessions) as session:
        callback = session.scalars(select(Callback).order_by(Callback.id)).first()
        assert callback is not None
        weighed = alternatives.weigh(session, callback, now=now, zone=SHANGHAI)
    others = weighed.others
    assert len({other.agent_id for other in others}) == 2
    assert {"missed"} <= {other.why for other in others}
    # Due at eleven sharp: what begins then is at risk, what begins later is lost.
    assert {other.why for other in others if other.at == now + HOUR} == {"risk"}
    assert len(alternatives.tell(weighed, "en", SHANGHAI)) == 1 + len(others)
    assert weighed.wish is None


def test_what_is_left_for_want_of_room_is_told_once_and_by_name(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now, hours=((time(9), time(10, 30)),), days=range(2, 3))
    fill(sessions, now, cases=8)
    for minutes in (0, 0, 1):
        done = plan_day(sessions, now=now + timedelta(minutes=minutes), zone=SHANGHAI)
    assert done.callbacks.left == {"no_capacity": 3}
    with reading(sessions) as session:
        waiting = session.scalars(select(Callback).where(Callback.state == CallbackState.WAITING)).all()
        named = [fault.who for fault in findings.find_faults(session, now=now) if fault.code == "left_no_capacity"]
        assert sorted(named) == sorted(callback.handle for callback in waiting)
        told = explanations.tell(explanations.explain(session, waiting[0], now=now), "en")
        assert "It has no place yet: no room within the horizon. It is tried again with every planning." in told
        about = select(func.count()).where(Decision.callback_id == waiting[0].id, Decision.rule == "no_capacity")
        assert session.scalar(about) == 1
    with sessions.begin() as session:
        add_agent(session, "zhao", now=now)
    plan_day(sessions, now=now + timedelta(minutes=2), zone=SHANGHAI)
    with reading(sessions) as session:
        assert not [f for f in findings.find_faults(session, now=now) if f.code.startswith("left_")]


def test_assigning_a_shard_leaves_the_others_alone(sessions: SessionFactory, now: datetime) -> None:
    from callback.db.shards import Shard

    with sessions.begin() as session:
        team = Team(name="north", created_at=now)
        session.add(team)
        session.flush()
        add_agent(session, "li", now=now, team_id=team.id)
        add_agent(session, "zhao", now=now)
        add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR, team_id=team.id)
        add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
        team_id = team.id
    from callback.services.plans import plan

    plan(sessions, now=now)
    report = assign(sessions, now=now, zone=SHANGHAI, shard=Shard(by_team=True, team_id=team_id))
    assert report.assigned == 1
    assert sorted(place[0] is None for place in places(sessions).values()) == [False, True]
