"""Visits (定期回访): arranged by a supervisor about a case, or every so many months by a recurring plan.

They lie outside the rules of promises: the planner of cases neither makes them nor takes them back.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from callback.db import attempts as attempt_rows
from callback.db import bulk, decisions
from callback.db import callbacks as callback_rows
from callback.db import visits as rows
from callback.db.cases import teams_of
from callback.db.claims import changed_one
from callback.db.customers import customer_facts
from callback.db.engine import SessionFactory
from callback.db.jobs import enqueue
from callback.db.plans import lock_customers
from callback.db.policies import load_policy
from callback.db.tables import Callback, Case, Decision, VisitPlan
from callback.domain.handle import new_handle
from callback.domain.moment import start_of_day
from callback.domain.plan import ASKED_FOR, BASE_PRIORITY
from callback.domain.visit import TurnSituation, Visit, VisitRhythm, Wait, decide_turn, first_turn, turn_day
from callback.domain.words import LIVE_STATES, CallbackState, Channel, Purpose
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit
from callback.services.calendars import load_calendars, years_around
from callback.services.customers import find_customer

CALLBACKS: Table = Callback.__table__  # type: ignore[assignment]
DECISIONS: Table = Decision.__table__  # type: ignore[assignment]
CHUNK = 2_000
NEW_CALLBACK = (
    "id", "handle", "case_id", "customer_id", "case_team_id", "purpose", "channel", "state", "priority", "earliest_at",
    "due_at", "attempts_made", "pinned", "created_at", "updated_at", "version",
)  # fmt: skip
NEW_DECISION = ("case_id", "callback_id", "about", "rule", "verdict", "inputs", "at")


def arrange(
    session: Session,
    *,
    case: Case,
    earliest_at: datetime,
    due_at: datetime,
    by: int | None,
    now: datetime,
    asked_for: bool = False,
) -> Callback:
    """A callback for the purpose `visit`, to be placed by the next planning. `asked_for`: the customer wants the call.

    Raises `Invalid` for times that cannot be kept and `Conflict` when a visit about the case is live already.
    """
    if due_at <= max(earliest_at, now):
        raise Invalid("visit_times")
    existing = _live(session, case)
    if existing is not None:
        raise Conflict("visit_exists", callback=existing.handle)
    callback = Callback(
        handle=new_handle(),
        case_id=case.id,
        customer_id=case.customer_id,
        purpose=Purpose.VISIT,
        channel=Channel.AGENT,
        state=CallbackState.WAITING,
        priority=ASKED_FOR if asked_for else BASE_PRIORITY[Purpose.VISIT],
        priority_floor=ASKED_FOR if asked_for else 0,
        earliest_at=earliest_at,
        due_at=due_at,
        created_at=now,
        updated_at=now,
    )
    session.add(callback)
    session.flush()
    decisions.record(
        session,
        now=now,
        case_id=case.id,
        callback_id=callback.id,
        about="purpose",
        rule="visit",
        verdict="created",
        actor_id=by,
        inputs={"earliest": earliest_at.isoformat(), "due": due_at.isoformat(), "channel_rule": "always_a_person"},
    )
    audit.record(
        session, now=now, actor_id=by, action="visit.arranged", subject_kind="callback", subject_id=callback.handle
    )
    enqueue(session, "plan", queueing_lock="plan")
    return callback


def _live(session: Session, case: Case) -> Callback | None:
    """The visit about the case that is still to be made."""
    live = (Callback.case_id == case.id, Callback.purpose == Purpose.VISIT, Callback.state.in_(LIVE_STATES))
    return session.scalars(select(Callback).where(*live).execution_options(populate_existing=True)).first()


def ask_for_call(session: Session, *, case: Case, due_at: datetime, by: int | None, now: datetime) -> tuple[str, bool]:
    """The customer wants to be called by a person until `due_at`: the callback, and whether it is a new one.

    A visit that is to be made anyway becomes this call: as urgent as a promise, and pulled forward when it lies later.
    """
    attempt_rows.locked_case(session, case.id)
    present = _live(session, case)
    if present is None:
        made = arrange(session, case=case, earliest_at=now, due_at=due_at, by=by, now=now, asked_for=True)
        return made.handle, True
    callback = callback_rows.locked(session, present.id)
    if callback.state in PULLED_FORWARD:
        _pull_forward(session, callback, due_at=due_at, by=by, now=now)
    return callback.handle, False


PULLED_FORWARD = (CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.BLOCKED)
"""Whom an agent is just calling is not called a second time for that."""


def _pull_forward(session: Session, callback: Callback, *, due_at: datetime, by: int | None, now: datetime) -> None:
    """An hour that the customer has chosen stays theirs; any other place after `due_at` is given up."""
    values: dict[str, Any] = {
        "priority": max(callback.priority, ASKED_FOR),
        "priority_floor": max(callback.priority_floor, ASKED_FOR),
    }
    if callback_rows.open_appointment(session, callback.id) is None:
        values |= {"earliest_at": min(callback.earliest_at, now), "due_at": min(callback.due_at, due_at)}
        if callback.next_try_at is not None and callback.next_try_at > due_at:
            values["next_try_at"] = None
        if callback.state is CallbackState.ASSIGNED and (callback.planned_at is None or callback.planned_at > due_at):
            values |= {"state": CallbackState.WAITING, "agent_id": None, "slot_id": None, "planned_at": None}
            values["pinned"] = False
    statement = update(Callback).where(Callback.id == callback.id, Callback.version == callback.version)
    changed_one(session, statement.values(**values, updated_at=now, version=callback.version + 1))
    session.refresh(callback)
    decisions.record(
        session,
        now=now,
        case_id=callback.case_id,
        callback_id=callback.id,
        about="purpose",
        rule="asked_for_a_person",
        verdict="changed",
        actor_id=by,
        inputs={"earliest": callback.earliest_at.isoformat(), "due": callback.due_at.isoformat()},
    )
    enqueue(session, "plan", queueing_lock="plan")


# ── Recurring plans ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """A recurring plan as a supervisor describes it: one customer, or everybody in a segment."""

    name: str
    every_months: int
    starts_on: date
    customer_id: int | None = None
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    special: bool | None = None
    weekdays: tuple[int, ...] = ()
    """Preferred; Monday is 0."""
    within_days: int = 7
    rest_days: int = 30


@dataclass(slots=True)
class TurnReport:
    """What one tick did."""

    begun: int = 0
    """Customers who came under a plan."""
    created: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    """Turns without a visit, by reason."""


def create_plan(session: Session, new: NewPlan, *, by: int | None, now: datetime) -> VisitPlan:
    """Raises `Conflict` (`visit_plan_exists`), `NotFound` (`customer_not_found`), `Invalid` (`visit_plan_figures`)."""
    _check(new)
    if rows.by_name(session, new.name) is not None:
        raise Conflict("visit_plan_exists", name=new.name)
    if new.customer_id is not None:
        find_customer(session, new.customer_id)
    segment = {name: list(getattr(new, name)) for name in ("countries", "languages", "regions") if getattr(new, name)}
    plan = VisitPlan(
        name=new.name,
        customer_id=new.customer_id,
        segment=segment | ({"special": new.special} if new.special is not None else {}),
        every_months=new.every_months,
        weekdays=sorted(set(new.weekdays)),
        within_days=new.within_days,
        rest_days=new.rest_days,
        starts_on=new.starts_on,
        active=True,
        created_at=now,
        created_by_id=by,
    )
    session.add(plan)
    session.flush()
    _audit(session, plan, "visit_plan.created", by=by, now=now)
    return plan


def _check(new: NewPlan) -> None:
    bounds = (("every_months", 1, 60), ("within_days", 1, 60), ("rest_days", 0, 365))
    for name, least, most in bounds:
        if not least <= getattr(new, name) <= most:
            raise Invalid("visit_plan_figures", name=name, least=least, most=most)
    if any(day not in range(7) for day in new.weekdays):
        raise Invalid("visit_plan_figures", name="weekdays", least=0, most=6)


def set_active(session: Session, plan: VisitPlan, active: bool, *, by: int | None, now: datetime) -> VisitPlan:
    """Stop a plan, or let it go on: its turns are then counted from the present. Visits that are planned stay."""
    if plan.active != active:
        plan.active = active
        plan.version += 1
        rows.forget_turns(session, plan.id)
        _audit(session, plan, "visit_plan.resumed" if active else "visit_plan.stopped", by=by, now=now)
    return plan


def find_plan(session: Session, plan_id: int) -> VisitPlan:
    """Raises `NotFound` (`visit_plan_not_found`)."""
    plan = rows.by_id(session, plan_id)
    if plan is None:
        raise NotFound("visit_plan_not_found", plan=plan_id)
    return plan


def _audit(session: Session, plan: VisitPlan, action: str, *, by: int | None, now: datetime) -> None:
    audit.record(session, now=now, actor_id=by, action=action, subject_kind="visit_plan", subject_id=plan.id)


def take_turns(sessions: SessionFactory, *, now: datetime) -> TurnReport:
    """Bring everybody under their plans and make the visits whose turn has come. Safe to run anywhere, at any time."""
    report = TurnReport()
    with sessions.begin() as session:
        plan_ids = [plan.id for plan in rows.plans(session, active_only=True)]
    for plan_id in plan_ids:
        while True:
            with sessions.begin() as session:
                begun = _begin_chunk(session, find_plan(session, plan_id), now=now)
            report.begun += begun
            if begun < CHUNK:
                break
    while True:
        with sessions.begin() as session:
            looked_at = take_chunk(session, now=now, report=report)
        if looked_at < CHUNK:
            return report


def _begin_chunk(session: Session, plan: VisitPlan, *, now: datetime) -> int:
    rhythm = rhythm_of(plan)
    fresh = rows.without_turn(session, plan, limit=CHUNK)
    begun = []
    for customer_id, zone_name, reported in fresh:
        zone = ZoneInfo(zone_name)
        anchor = reported.astimezone(zone).date()
        turn = first_turn(anchor, rhythm, now.astimezone(zone).date())
        begun.append((customer_id, anchor, turn, start_of_day(turn_day(anchor, rhythm, turn), zone)))
    rows.begin_turns(session, plan.id, begun)
    resumed = []
    for row in rows.sleeping_turns(session, plan.id, limit=CHUNK):
        zone = ZoneInfo(row.time_zone)
        turn = first_turn(row.anchor, rhythm, now.astimezone(zone).date())
        next_at = start_of_day(turn_day(row.anchor, rhythm, turn), zone)
        resumed.append((row.id, turn, next_at, "resumed", row.callback_id))
    rows.write_turns(session, resumed)
    return max(len(begun), len(resumed))


def rhythm_of(plan: VisitPlan) -> VisitRhythm:
    return VisitRhythm(
        every_months=plan.every_months,
        within_days=plan.within_days,
        rest=timedelta(days=plan.rest_days),
        starts_on=plan.starts_on,
        weekdays=frozenset(plan.weekdays),
    )


def take_chunk(session: Session, *, now: datetime, report: TurnReport, limit: int = CHUNK) -> int:
    """Up to `limit` turns in the caller's transaction; how many were looked at."""
    due = rows.due_turns(session, now=now, limit=limit)
    mine = lock_customers(session, {row.customer_id for row in due})
    turns = [row for row in due if row.customer_id in mine]
    policy = load_policy(session)
    rhythms = {plan.id: rhythm_of(plan) for plan in rows.plans(session)}
    customers = customer_facts(session, sorted(mine), now=now)
    calendars = load_calendars(session, {c.country for c in customers.values()}, years_around(now))
    around = rows.circumstances(session, mine)
    ids = bulk.allocate_ids(session, CALLBACKS, len(turns))
    visits: list[tuple[Any, Visit, int]] = []
    written: list[tuple[Any, ...]] = []
    for row in turns:
        customer, rhythm = customers[row.customer_id], rhythms[row.plan_id]
        situation = TurnSituation(
            now=now,
            day=turn_day(row.anchor, rhythm, row.turn),
            next_day=turn_day(row.anchor, rhythm, row.turn + 1),
            customer=customer,
            calendar=calendars[customer.country],
            rhythm=rhythm,
            has_case=customer.id in around.cases,
            under_way=customer.id in around.under_way,
            unhappy_now=customer.id in around.unhappy,
        )
        verdict = decide_turn(situation, policy)
        if isinstance(verdict, Wait):
            report.waiting[verdict.rule] += 1
            written.append((row.id, row.turn, verdict.until, verdict.rule, row.callback_id))
            continue
        following = start_of_day(situation.next_day, customer.zone)
        if isinstance(verdict, Visit):
            around.under_way.add(customer.id)
            visits.append((row, verdict, around.cases[customer.id]))
            written.append((row.id, row.turn + 1, following, verdict.rule, ids[len(visits) - 1]))
        else:
            report.passed[verdict.rule] += 1
            written.append((row.id, row.turn + 1, following, verdict.rule, row.callback_id))
    _make(session, visits, ids, now=now)
    report.created += len(visits)
    rows.write_turns(session, written)
    if visits:
        enqueue(session, "plan", queueing_lock="plan")
    return len(turns)


def _make(session: Session, visits: Sequence[tuple[Any, Visit, int]], ids: Sequence[int], *, now: datetime) -> None:
    """The callbacks, with these ids in order, and the decisions behind them."""
    callbacks, reasons = [], []
    teams = teams_of(session, {case_id for _, _, case_id in visits})
    for callback_id, (row, visit, case_id) in zip(ids, visits, strict=False):
        who = (callback_id, new_handle(), case_id, row.customer_id, teams[case_id])
        figures = (Purpose.VISIT, Channel.AGENT, CallbackState.WAITING, BASE_PRIORITY[Purpose.VISIT])
        callbacks.append((*who, *figures, visit.earliest, visit.due, 0, False, now, now, 1))
        inputs = {
            "visit_plan": row.plan_id,
            "turn": row.turn,
            "earliest": visit.earliest.isoformat(),
            "due": visit.due.isoformat(),
            "channel_rule": "always_a_person",
        }
        reasons.append((case_id, callback_id, "purpose", visit.rule, "created", inputs, now))
    bulk.insert_rows(session, CALLBACKS, NEW_CALLBACK, callbacks)
    bulk.insert_rows(session, DECISIONS, NEW_DECISION, reasons)
