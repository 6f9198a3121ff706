"""The board's figures and the lists behind them: the same condition, on both databases."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Select, func, insert, select, text
from sqlalchemy.orm import Session

from callback.db import escalations, handovers, work
from callback.db.engine import SessionFactory, is_postgresql
from callback.db.tables import Attempt, Callback, Case, Escalation, Handover, Promise, Response
from callback.db.work import Kind, Wanted
from callback.domain.handle import new_handle
from callback.domain.moment import start_of_day
from callback.domain.words import (
    AttemptState,
    BlockedBy,
    CallbackState,
    Channel,
    Disposition,
    DissatisfactionState,
    EscalationTold,
    EscalationTrigger,
    HandoverState,
    PartOfDay,
    PromiseState,
    Purpose,
    ResponseState,
    Severity,
)
from callback.services import board, cases, outlooks
from callback.settings import Settings
from tests.integration.call_centre import Centre

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


def look(centre: Centre, *, team_id: int | None = None) -> board.Board:
    with centre.sessions() as session:
        return board.look(session, now=centre.now, zone=ZONE, team_id=team_id)


def day_starts(centre: Centre) -> datetime:
    return start_of_day(centre.now.astimezone(ZONE).date(), ZONE)


def listed(centre: Centre, wanted: Wanted, *, limit: int = 50) -> list[str]:
    """Handles, page by page."""
    found: list[str] = []
    after = None
    with centre.sessions() as session:
        while True:
            page = work.page(session, wanted, now=centre.now, day_starts=day_starts(centre), after=after, limit=limit)
            found += [row.handle for row in page]
            if len(page) < limit:
                return found
            after = (page[-1].moment, page[-1].id)


def test_an_empty_house_has_an_empty_board(centre: Centre) -> None:
    seen = look(centre)
    assert set(seen.counts.values()) == {0}
    assert (seen.outlook, seen.calls, seen.teams, seen.hours) == (None, (), (), ())
    assert (seen.reach.share, seen.reach.interval, seen.nps) == (None, None, None)


def test_each_figure_counts_what_its_list_shows(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    handles = {
        "overdue": centre.callback(li, due_at=now - timedelta(hours=1)),
        "soon": centre.callback(li, due_at=now + timedelta(hours=1)),
        "waiting": centre.callback(None, due_at=now + timedelta(hours=9)),
        "exhausted": centre.callback(None, state=CallbackState.EXHAUSTED, finished_at=now),
        "exhausted_courtesy": centre.callback(
            None, purpose=Purpose.SURVEY, state=CallbackState.EXHAUSTED, finished_at=now
        ),
    }
    for reason in BlockedBy:
        handles[reason.value] = centre.callback(
            None, state=CallbackState.BLOCKED, blocked_by=reason, due_at=now + timedelta(hours=9)
        )
    centre.callback(None, state=CallbackState.EXHAUSTED, finished_at=now, decided_at=now)
    centre.callback(None, channel=Channel.SMS, purpose=Purpose.SURVEY, due_at=now - timedelta(hours=1))
    seen = look(centre)
    for name, handle in handles.items():
        assert seen.counts[name] == 1, name
        assert listed(centre, board.WANTED[name]) == [handle], name


def test_lists_go_on_page_by_page_and_skip_nothing(centre: Centre, now: datetime) -> None:
    made = [centre.callback(None, due_at=now + timedelta(hours=nth // 3)) for nth in range(7)]
    assert listed(centre, Wanted(kind=Kind.WAITING), limit=2) == made
    ended = [
        centre.callback(None, state=CallbackState.EXHAUSTED, finished_at=now - timedelta(hours=nth // 3))
        for nth in range(5)
    ]
    found = listed(centre, Wanted(kind=Kind.EXHAUSTED), limit=2)
    assert sorted(found) == sorted(ended)
    assert found[-1] in ended[3:]


def test_a_team_sees_its_own_work(centre: Centre, now: datetime) -> None:
    north, south = centre.team("North"), centre.team("South")
    li, wang = centre.agent("li", team_id=north), centre.agent("wang", team_id=south)
    mine = centre.callback(li, due_at=now - timedelta(hours=1))
    centre.callback(wang, due_at=now - timedelta(hours=1))
    of_case = centre.callback(None, case_id=centre.case(team_id=north), due_at=now - timedelta(hours=2))
    centre.flag(centre.case(team_id=north))
    centre.flag(centre.case(team_id=south))
    assert listed(centre, Wanted(kind=Kind.OVERDUE, team_id=north)) == [of_case, mine]
    seen = look(centre, team_id=north)
    assert seen.counts["overdue"] == 2
    assert sum(map(sum, seen.unhappy.values())) == 1
    assert [team.name for team in seen.teams] == ["North"]


def test_the_work_of_a_case_moves_with_it(centre: Centre, now: datetime) -> None:
    north, south = centre.team("North"), centre.team("South")
    case_id = centre.case(team_id=north)
    of_case = centre.callback(None, case_id=case_id, due_at=now - timedelta(hours=2))
    centre.flag(case_id)
    with centre.sessions.begin() as session:
        cases.update_case(session, case=session.get_one(Case, case_id), changes={"team_id": south}, by=None, now=now)
    assert not listed(centre, Wanted(kind=Kind.OVERDUE, team_id=north))
    assert listed(centre, Wanted(kind=Kind.OVERDUE, team_id=south)) == [of_case]
    assert sum(map(sum, look(centre, team_id=south).unhappy.values())) == 1


def test_unhappy_customers_by_age_and_severity(centre: Centre, now: datetime) -> None:
    for hours, severity in (
        (1, Severity.MINOR),
        (5, Severity.CRITICAL),
        (30, Severity.CRITICAL),
        (100, Severity.MAJOR),
    ):
        centre.flag(centre.case(), raised_at=now - timedelta(hours=hours), severity=severity)
    centre.flag(centre.case(), state=DissatisfactionState.ESCALATED, raised_at=now - timedelta(hours=2))
    centre.flag(centre.case(), state=DissatisfactionState.RECOVERED, closed_at=now)
    seen = look(centre)
    assert list(seen.unhappy.items()) == [
        (Severity.CRITICAL, (0, 1, 1, 0)),
        (Severity.MAJOR, (0, 0, 0, 1)),
        (Severity.MINOR, (2, 0, 0, 0)),
    ]
    assert seen.escalated == 1


def test_load_is_what_is_done_and_what_is_listed_against_what_the_day_holds(centre: Centre, now: datetime) -> None:
    li = centre.agent("li", daily_capacity=2)
    absent = centre.agent("wang", shifts=False)
    centre.agent("idle", shifts=False)
    centre.callback(li)
    centre.callback(li, planned_at=now - timedelta(days=1))
    centre.callback(li, planned_at=now + timedelta(days=2))
    centre.callback(li, state=CallbackState.DONE, finished_at=now)
    centre.callback(li, state=CallbackState.DONE, finished_at=now - timedelta(days=1))
    centre.callback(absent)
    (unit,) = look(centre).teams
    assert [(a.id, a.done, a.listed, a.capacity, a.presence) for a in unit.agents] == [
        (absent, 0, 1, 0, "off"),
        (li, 1, 2, 2, "working"),
    ]
    assert (unit.working, unit.capacity, unit.share) == (1, 2, 2.0)


def attempt(centre: Centre, agent_id: int, at: datetime, disposition: Disposition | None) -> None:
    handle = centre.callback(agent_id)
    with centre.sessions.begin() as session:
        callback = session.scalars(select(Callback).where(Callback.handle == handle)).one()
        if disposition is None:
            callback.state, callback.claimed_by_id, callback.lease_until = CallbackState.IN_PROGRESS, agent_id, at
        session.add(
            Attempt(
                handle=new_handle(),
                callback_id=callback.id,
                case_id=callback.case_id,
                customer_id=callback.customer_id,
                channel=Channel.AGENT,
                agent_id=agent_id,
                state=AttemptState.CLAIMED if disposition is None else AttemptState.ENDED,
                disposition=disposition,
                part_of_day=PartOfDay.MORNING,
                started_at=at,
                ended_at=None if disposition is None else at,
            )
        )


def test_the_day_hour_by_hour(centre: Centre, now: datetime) -> None:
    north = centre.team("North")
    li, wang = centre.agent("li", team_id=north), centre.agent("wang")
    begins = day_starts(centre)
    for hour, disposition in (
        (8, Disposition.COMPLETED),
        (8, Disposition.NO_ANSWER),
        (8, Disposition.TECHNICAL_FAILURE),
        (10, Disposition.REFUSED),
    ):
        attempt(centre, li, begins + timedelta(hours=hour), disposition)
    attempt(centre, wang, begins + timedelta(hours=8, minutes=59, seconds=59), Disposition.THIRD_PARTY)
    attempt(centre, wang, begins - timedelta(hours=1), Disposition.COMPLETED)
    centre.now = begins + timedelta(hours=11)
    attempt(centre, wang, centre.now, None)
    seen = look(centre)
    assert [(hour.starts_at, hour.dialled, hour.reached) for hour in seen.hours] == [
        (begins + timedelta(hours=8), 3, 1),
        (begins + timedelta(hours=9), 0, 0),
        (begins + timedelta(hours=10), 1, 1),
    ]
    assert (seen.reach.count, seen.reach.of) == (2, 4)
    assert seen.reach.interval is not None
    assert seen.reach.interval[0] < 0.5 < seen.reach.interval[1]
    assert [call.agent for call in seen.calls] == ["Wang"]
    ours = look(centre, team_id=north)
    assert (ours.reach.of, ours.calls) == (3, ())
    # One callback was dialled once each here, so the lists are as long as the figures.
    for team_id, figure in ((None, seen.reach), (north, ours.reach)):
        lists = {
            kind: listed(centre, Wanted(kind=kind, team_id=team_id))
            for kind in (Kind.REACHED_TODAY, Kind.UNREACHED_TODAY)
        }
        assert len(lists[Kind.REACHED_TODAY]) == figure.count
        assert len(lists[Kind.UNREACHED_TODAY]) == figure.of - figure.count
        assert not set(lists[Kind.REACHED_TODAY]) & set(lists[Kind.UNREACHED_TODAY])


def test_satisfaction_of_the_day(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    for csat, nps, at in ((100.0, 10, now), (50.0, 8, now), (0.0, 3, now), (100.0, 9, now - timedelta(days=1))):
        handle = centre.callback(li, purpose=Purpose.SURVEY)
        with centre.sessions.begin() as session:
            callback = session.scalars(select(Callback).where(Callback.handle == handle)).one()
            session.add(
                Response(
                    handle=new_handle(),
                    callback_id=callback.id,
                    case_id=callback.case_id,
                    customer_id=callback.customer_id,
                    questionnaire_id=1,
                    channel=Channel.AGENT,
                    purpose=Purpose.SURVEY,
                    state=ResponseState.COMPLETE,
                    csat=csat,
                    nps=nps,
                    started_at=at,
                    completed_at=at,
                )
            )
    seen = look(centre)
    assert (seen.content.count, seen.content.of, seen.nps, seen.nps_of) == (2, 3, 0, 3)
    assert len(listed(centre, Wanted(kind=Kind.CONTENT_TODAY))) == seen.content.count
    assert len(listed(centre, Wanted(kind=Kind.DISCONTENT_TODAY))) == seen.content.of - seen.content.count
    assert len(listed(centre, Wanted(kind=Kind.RECOMMENDING_TODAY))) == seen.nps_of
    elsewhere = centre.team("Elsewhere")
    assert not listed(centre, Wanted(kind=Kind.CONTENT_TODAY, team_id=elsewhere))


def test_broken_promises_and_cases_without_an_address(centre: Centre, now: datetime) -> None:
    case_id = centre.case(team_id=centre.team())
    handle = centre.callback(None, case_id=case_id)
    with centre.sessions.begin() as session:
        for hours in (1, 30):
            due = now - timedelta(hours=hours)
            session.add(Promise(case_id=case_id, due_at=due, made_at=due, state=PromiseState.BROKEN, settled_at=due))
    nowhere = centre.case(plan_rule="needs_data")
    seen = look(centre)
    assert (seen.counts["broken"], seen.counts["without_address"]) == (1, 1)
    with centre.sessions() as session:
        (broken,) = work.page_of_promises(session, since=day_starts(centre), team_id=None, after=None, limit=10)
        (case,) = work.page_of_cases(session, team_id=None, after=None, limit=10)
        assert not work.page_of_cases(session, team_id=None, after=(case.moment, case.id), limit=10)
    assert (broken.handle, broken.case_id, case.id) == (handle, case_id, nowhere)


def escalate(centre: Centre, *, hours: int, **columns: Any) -> int:
    at = centre.now - timedelta(hours=hours)
    with centre.sessions.begin() as session:
        raised = Escalation(
            **{
                "rule": "overdue",
                "trigger": EscalationTrigger.OVERDUE,
                "subject_id": next(centre.numbers),
                "since": at,
                "raised_at": at,
                "marked": True,
                "told": EscalationTold.NOBODY,
                **columns,
            }
        )
        session.add(raised)
        session.flush()
        return raised.id


def hand_over(centre: Centre, from_id: int, *, hours: int, **columns: Any) -> str:
    at = centre.now - timedelta(hours=hours)
    handle = new_handle()
    with centre.sessions.begin() as session:
        handover: dict[str, Any] = {"state": HandoverState.GIVEN, "given_at": at, **columns}
        session.add(Handover(handle=handle, from_id=from_id, day=at.date(), updated_at=at, **handover))
    return handle


def test_escalations_and_handovers_nobody_has_signed(centre: Centre, now: datetime) -> None:
    """Those marked and open, and those given and not signed; a team sees its own, page by page, the oldest first."""
    north, south = centre.team("North"), centre.team("South")
    li, wang = centre.agent("li", team_id=north), centre.agent("wang", team_id=south)
    raised = [escalate(centre, hours=hours, team_id=team) for hours, team in ((3, north), (2, south), (1, north))]
    escalate(centre, hours=4, team_id=north, marked=False)
    escalate(centre, hours=4, team_id=north, resolved_at=now)
    given = [
        hand_over(centre, li, hours=3, team_id=north),
        hand_over(centre, wang, hours=2, to_id=li),
        hand_over(centre, li, hours=1, to_id=wang),
    ]
    hand_over(centre, li, hours=5, to_id=wang, state=HandoverState.SIGNED, signed_at=now, signed_by_id=wang)
    hand_over(centre, li, hours=5, state=HandoverState.DRAFT, given_at=None)
    for team_id, mine in ((None, (0, 1, 2)), (north, (0, 2)), (south, (1,))):
        counts = look(centre, team_id=team_id).counts
        assert (counts["marked"], counts["unsigned"]) == (len(mine), len(mine))
        seen: tuple[list[int], list[str]] = ([], [])
        after: tuple[datetime, int] | None = None
        with centre.sessions() as session:
            while page := escalations.marked(session, team_id=team_id, after=after, limit=1):
                seen[0].append(page[0].id)
                after = (page[0].raised_at, page[0].id)
            after = None
            while listed_ := handovers.page_of_unsigned(session, team_id=team_id, after=after, limit=1):
                seen[1].append(listed_[0].handle)
                after = (listed_[0].given_at or now, listed_[0].id)
        assert seen == ([raised[nth] for nth in mine], [given[nth] for nth in mine])


@pytest.mark.parametrize("of_team", [False, True])
def test_they_are_counted_by_their_indexes(centre: Centre, now: datetime, of_team: bool) -> None:
    """Not through everything that was ever escalated or handed over, nor through what is open and not shown."""
    team_id = centre.team()
    li, wang = centre.agent("li", team_id=team_id), centre.agent("wang", team_id=team_id)
    for nth in range(3):
        escalate(centre, hours=nth, team_id=team_id)
        hand_over(centre, li, hours=nth, team_id=team_id)
    with centre.sessions.begin() as session:
        old = session.scalars(select(Escalation).limit(1)).one()
        columns = {name: getattr(old, name) for name in ("rule", "trigger", "since", "raised_at", "team_id", "told")}
        hidden = ({**columns, "subject_id": -1 - nth, "marked": False} for nth in range(1_000))
        session.execute(insert(Escalation), list(hidden))
        signed = {
            "from_id": li, "signed_by_id": wang, "team_id": team_id, "state": HandoverState.SIGNED,
            "day": now.date(), "given_at": now, "signed_at": now, "updated_at": now,
        }  # fmt: skip
        session.execute(insert(Handover), [{**signed, "handle": new_handle()} for _ in range(1_000)])
    asked = team_id if of_team else None
    ours = "ix_escalations_of_team_on_the_board" if of_team else "ix_escalations_on_the_board"
    with centre.sessions() as session:
        session.execute(text("ANALYZE"))
        marked = plan_of(session, escalations.on_the_board(select(Escalation.id), team_id=asked))
        unsigned = plan_of(session, handovers.unsigned(select(Handover.id), team_id=asked))
    assert ours in marked
    assert "ix_handovers_unsigned" in unsigned


def plan_of(session: Session, query: Select[Any]) -> str:
    explain = "EXPLAIN QUERY PLAN "
    if is_postgresql(session):
        explain = "EXPLAIN "
        session.execute(text("SET LOCAL enable_seqscan = off"))
    counted = select(func.count()).select_from(query.limit(work.MOST + 1).subquery())
    statement = counted.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    return " ".join(str(tuple(row)) for row in session.execute(text(explain + str(statement))))


def test_what_was_seen_ahead_is_on_the_board(centre: Centre, now: datetime) -> None:
    """Nobody speaks the customer's language: the promise will break, and the team whose case it is sees it."""
    north = centre.team("North")
    centre.agent("li", languages=["en"])
    handle = centre.callback(None, case_id=centre.case(team_id=north), due_at=now + timedelta(hours=5))
    with centre.sessions() as session:
        seen = outlooks.see(session, now=now, zone=ZONE)
    with centre.sessions.begin() as session:
        outlooks.keep(session, seen)
    for team_id, expected in ((None, 1), (north, 1), (centre.team("South"), 0)):
        found = look(centre, team_id=team_id)
        assert (found.breaking, len(found.warnings)) == (expected, expected)
    (warning,) = look(centre).warnings
    assert (warning["callback"], warning["reason"], warning["customer"]) == (handle, "nobody_qualifies", "王小明")
    with centre.sessions.begin() as session:
        later = outlooks.see(session, now=now + timedelta(days=3), zone=ZONE)
        outlooks.keep(session, later)
    with centre.sessions() as session:
        assert [outlook.at for outlook in session.scalars(select(type(later)))] == [now + timedelta(days=3)]


def test_the_worker_looks_ahead(centre: Centre, settings: Settings, now: datetime) -> None:
    from callback.bootstrap import build
    from callback.worker.tasks import TASKS

    house = build(settings, clock=lambda: now)
    TASKS["look_ahead"](house)
    house.close()
    assert look(centre).outlook is not None
