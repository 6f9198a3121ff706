"""Planning: every case that is due for a look gets its callback, or the reason why none is owed.

`plan` works in chunks, each in a transaction of its own: a kill loses nothing, and any number of planners may run at
once, because a chunk locks its cases and passes over those of others.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Session

from callback.db import appointments, bulk
from callback.db import plans as rows
from callback.db.customers import customer_facts
from callback.db.engine import SessionFactory
from callback.db.policies import load_policy
from callback.db.tables import Callback, Case, Decision
from callback.domain.facts import Calendar, CustomerFacts
from callback.domain.handle import new_handle
from callback.domain.plan import Duty, Nothing, Situation, Verdict, decide
from callback.domain.policy import Policy
from callback.domain.rules import Contact, next_legal_moment, refusals
from callback.domain.words import BlockedBy, CallbackState, Channel, Purpose
from callback.services.calendars import load_calendars, years_around

CHUNK = 2_000
FAR = timedelta(days=60)
"""How far ahead a legal moment is looked for before a supervisor is asked."""
UNTOUCHABLE = (CallbackState.IN_PROGRESS,)
WITHOUT_DATA = ("needs_data", "needs_phone")
KEPT_PURPOSES = (Purpose.VISIT,)
"""Made by a recurring plan or by hand, not by the rules; the rules do not take them back."""

CALLBACKS: Table = Callback.__table__  # type: ignore[assignment]
CASES: Table = Case.__table__  # type: ignore[assignment]
DECISIONS: Table = Decision.__table__  # type: ignore[assignment]
NEW_CALLBACK = (
    "id", "handle", "case_id", "customer_id", "case_team_id", "purpose", "channel", "state", "blocked_by", "priority",
    "earliest_at", "due_at", "attempts_made", "pinned", "created_at", "updated_at", "version",
)  # fmt: skip
CHANGED_CALLBACK = ("channel", "state", "blocked_by", "priority", "earliest_at", "due_at", "updated_at")
BLOCKED_CALLBACK = ("state", "blocked_by", "slot_id", "updated_at")
WITHDRAWN_CALLBACK = ("state", "blocked_by", "result", "finished_at", "slot_id", "updated_at")
NEW_DECISION = ("case_id", "callback_id", "about", "rule", "verdict", "inputs", "at")


@dataclass(slots=True)
class PlanReport:
    """What one planning did."""

    looked_at: int = 0
    created: Counter[str] = field(default_factory=Counter)
    """By purpose."""
    updated: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    blocked: Counter[str] = field(default_factory=Counter)
    nothing: Counter[str] = field(default_factory=Counter)
    """Cases that are owed nothing now, by reason."""

    def add(self, other: "PlanReport") -> None:
        self.looked_at += other.looked_at
        self.created += other.created
        self.updated += other.updated
        self.withdrawn += other.withdrawn
        self.unchanged += other.unchanged
        self.blocked += other.blocked
        self.nothing += other.nothing


def plan(
    sessions: SessionFactory,
    *,
    now: datetime,
    moment: datetime | None = None,
    carriers: frozenset[Channel] = frozenset(),
    on_progress: Callable[[int], None] = lambda _done: None,
) -> PlanReport:
    """Look at every case that is due, chunk by chunk. Running it again changes nothing that need not change.

    `moment` (default `now`) is the time for which the rules are asked: the start of another day when that is planned.
    """
    report = PlanReport()
    while True:
        with sessions.begin() as session:
            done = plan_chunk(session, now=now, moment=moment or now, carriers=carriers)
        if done.looked_at == 0:
            return report
        report.add(done)
        on_progress(done.looked_at)


def plan_chunk(
    session: Session, *, now: datetime, moment: datetime, carriers: frozenset[Channel], limit: int = CHUNK
) -> PlanReport:
    """Look at up to `limit` due cases in the caller's transaction; `looked_at` is 0 when none is left to us."""
    due = rows.due_for_planning(session, now=moment, limit=limit)
    if not due:
        return PlanReport()
    mine = rows.lock_customers(session, {customer_id for _, customer_id in due})
    case_ids = [case_id for case_id, customer_id in due if customer_id in mine]
    if not case_ids:
        return PlanReport()
    policy = load_policy(session)
    cases = rows.read_cases(session, case_ids)
    customers = customer_facts(session, sorted(cases.customer_ids), now=moment)
    calendars = load_calendars(session, {c.country for c in customers.values()}, years_around(moment))
    ledger = _Ledger(now=now, moment=moment, policy=policy, calendars=calendars, carriers=carriers)
    for row in cases.rows:
        ledger.consider(row, cases, customers[row.customer_id])
    ledger.write(session)
    return ledger.report


class _Ledger:
    """Collects what one chunk changes, and writes it in a handful of statements."""

    def __init__(
        self,
        *,
        now: datetime,
        moment: datetime,
        policy: Policy,
        calendars: dict[str, Calendar],
        carriers: frozenset[Channel],
    ) -> None:
        self.report = PlanReport()
        self._now, self._moment = now, moment
        self._policy, self._calendars, self._carriers = policy, calendars, carriers
        self._new: list[tuple[Any, Duty, BlockedBy | None]] = []
        self._changed: list[tuple[Any, ...]] = []
        self._withdrawn: list[tuple[Any, ...]] = []
        self._blocked: list[tuple[Any, ...]] = []
        self._cases: list[tuple[Any, ...]] = []
        self._decisions: list[tuple[Any, ...]] = []
        self._succeeded: list[tuple[int, int | None, int]] = []
        """(withdrawn callback, the one that is owed instead, its place among the new ones if it is new)."""
        self._surveyed: dict[int, int] = {}
        """Customer → case: surveys that this chunk makes."""

    def consider(self, row: Any, cases: rows.CasesRead, customer: CustomerFacts) -> None:
        """One case: ask the rules, and note what has to change."""
        self.report.looked_at += 1
        live = cases.live.get(row.id, ())
        elsewhere = cases.surveyed_elsewhere.get(customer.id, frozenset()) - {row.id}
        situation = Situation(
            now=self._moment,
            case=cases.facts[row.id],
            customer=customer,
            calendar=self._calendars[customer.country],
            callbacks=cases.callbacks.get(row.id, ()),
            flag=cases.flags.get(row.id),
            survey_elsewhere=bool(elsewhere) or self._surveyed.get(customer.id, row.id) != row.id,
            carriers=self._carriers,
        )
        verdict = decide(situation, self._policy)
        if isinstance(verdict, Duty):
            self._owe(row, situation, verdict, live)
        else:
            self._owe_nothing(row, verdict, live)
        self._cases.append((row.id, verdict.look_again_at, verdict.rule))

    def _owe(self, row: Any, situation: Situation, duty: Duty, live: tuple[rows.LiveCallback, ...]) -> None:
        if duty.purpose is Purpose.SURVEY:
            self._surveyed[row.customer_id] = row.id
        gone = [
            other.fact.id
            for other in live
            if other.fact.purpose is not duty.purpose and self._withdraw(row, other, because=duty.rule)
        ]
        mine = next((c for c in live if c.fact.purpose is duty.purpose), None)
        self._succeeded += [
            (callback_id, None if mine is None else mine.fact.id, len(self._new)) for callback_id in gone
        ]
        if mine is None:
            blocked = None if self._has_legal_moment(situation, duty) else BlockedBy.NO_LEGAL_MOMENT
            self._new.append((row, duty, blocked))
            self.report.created[duty.purpose.value] += 1
            if blocked is not None:
                self.report.blocked[blocked.value] += 1
        elif mine.fact.state not in UNTOUCHABLE and (self._differs(mine, duty) or self._data_arrived(mine)):
            self._change(row, mine, duty)
        else:
            self.report.unchanged += 1

    def _owe_nothing(self, row: Any, verdict: Nothing, live: tuple[rows.LiveCallback, ...]) -> None:
        self.report.nothing[verdict.rule] += 1
        for callback in live:
            if verdict.rule in WITHOUT_DATA:
                self._block(row, callback, because=verdict.rule)
            elif verdict.rule != "escalated":  # what a supervisor arranges after two failures stays
                self._withdraw(row, callback, because=verdict.rule)
        if verdict.rule != row.plan_rule:
            self._decide(row, None, verdict, "nothing")

    def _has_legal_moment(self, situation: Situation, duty: Duty) -> bool:
        contact = Contact(
            at=max(self._moment, duty.earliest),
            channel=duty.channel,
            purpose=duty.purpose,
            customer=situation.customer,
            case=situation.case,
            calendar=situation.calendar,
            dissatisfaction=situation.flag,
        )
        if not refusals(contact, self._policy):
            return True
        return next_legal_moment(contact, self._policy, until=contact.at + FAR) is not None

    @staticmethod
    def _differs(callback: rows.LiveCallback, duty: Duty) -> bool:
        return (callback.channel, callback.priority, callback.earliest_at, callback.fact.due_at) != (
            duty.channel,
            max(duty.priority, callback.priority_floor),
            duty.earliest,
            duty.due,
        )

    @staticmethod
    def _data_arrived(callback: rows.LiveCallback) -> bool:
        """A duty says that there is a number again, so what was blocked for want of one goes on."""
        return callback.blocked_by is BlockedBy.NEEDS_DATA

    def _change(self, row: Any, callback: rows.LiveCallback, duty: Duty) -> None:
        """New figures for a callback that exists; its place in an agent's list stays unless the channel changes."""
        state, blocked_by = callback.fact.state, callback.blocked_by
        if callback.channel != duty.channel or self._data_arrived(callback):
            state, blocked_by = CallbackState.WAITING, None
        figures = (max(duty.priority, callback.priority_floor), duty.earliest, duty.due)
        self._changed.append((callback.fact.id, duty.channel, state, blocked_by, *figures, self._now))
        self._decide(row, callback.fact.id, duty, "changed")
        self.report.updated += 1

    def _block(self, row: Any, callback: rows.LiveCallback, *, because: str) -> None:
        """The duty stands but nobody can be reached: the supervisor sees it until a number is entered."""
        if callback.fact.state in (*UNTOUCHABLE, CallbackState.BLOCKED):
            return
        self._blocked.append((callback.fact.id, CallbackState.BLOCKED, BlockedBy.NEEDS_DATA, None, self._now))
        self._decisions.append((row.id, callback.fact.id, "assignment", because, "blocked", {}, self._now))
        self.report.blocked[BlockedBy.NEEDS_DATA.value] += 1

    def _withdraw(self, row: Any, callback: rows.LiveCallback, *, because: str) -> bool:
        """Take back a callback that is not owed any more; a call under way is left to finish. Whether it was."""
        if callback.fact.state in UNTOUCHABLE or callback.fact.purpose in KEPT_PURPOSES:
            return False
        self._withdrawn.append(
            (callback.fact.id, CallbackState.CANCELLED, None, "withdrawn", self._now, None, self._now)
        )
        inputs = {"purpose": callback.fact.purpose.value}
        self._decisions.append((row.id, callback.fact.id, "end", because, "withdrawn", inputs, self._now))
        self.report.withdrawn += 1
        return True

    def _decide(self, row: Any, callback_id: int | None, verdict: Verdict, word: str) -> None:
        inputs: dict[str, Any] = dict(verdict.inputs)
        if isinstance(verdict, Duty):
            inputs |= {
                "channel": verdict.channel.value,
                "channel_rule": verdict.channel_rule,
                "earliest": verdict.earliest.isoformat(),
                "due": verdict.due.isoformat(),
                "priority": verdict.priority,
            }
            if verdict.refused_channels:
                inputs["refused_channels"] = {c.value: reason for c, reason in verdict.refused_channels}
        self._decisions.append((row.id, callback_id, "purpose", verdict.rule, word, inputs, self._now))

    def write(self, session: Session) -> None:
        """Callbacks first, since decisions point at them; then decisions; then the cases go back to sleep."""
        ids = bulk.allocate_ids(session, CALLBACKS, len(self._new))
        created: list[tuple[Any, ...]] = []
        for callback_id, (row, duty, blocked) in zip(ids, self._new, strict=True):
            state = CallbackState.BLOCKED if blocked else CallbackState.WAITING
            times = (duty.earliest, duty.due)
            who = (callback_id, new_handle(), row.id, row.customer_id, row.team_id)
            figures = (duty.purpose, duty.channel, state, blocked, duty.priority, *times, 0, False)
            created.append((*who, *figures, self._now, self._now, 1))
            self._decide(row, callback_id, duty, "created")
        bulk.insert_rows(session, CALLBACKS, NEW_CALLBACK, created)
        bulk.update_rows(session, CALLBACKS, CHANGED_CALLBACK, self._changed, versioned=True)
        bulk.update_rows(session, CALLBACKS, WITHDRAWN_CALLBACK, self._withdrawn, versioned=True)
        bulk.update_rows(session, CALLBACKS, BLOCKED_CALLBACK, self._blocked, versioned=True)
        appointments.hand_over(
            session, {old: ids[place] if new is None else new for old, new, place in self._succeeded}
        )
        bulk.insert_rows(session, DECISIONS, NEW_DECISION, self._decisions)
        bulk.update_rows(session, CASES, ("plan_at", "plan_rule"), self._cases)
