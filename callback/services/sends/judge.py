"""Whether one contact may be made now on this channel: everything that was planned is asked again, in order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.channels.protocol import SendChannel
from callback.db import messages
from callback.db import sends as rows
from callback.db.customers import customer_facts
from callback.db.plans import read_cases
from callback.db.policies import load_policy, load_retry_table
from callback.db.tables import Callback, ContactPoint
from callback.domain.moment import calling_hours
from callback.domain.plan import Situation, channel_refusal, survey_stopped
from callback.domain.policy import Policy
from callback.domain.rules import Contact, refusals
from callback.domain.words import Channel, Purpose
from callback.services.attempts.start import next_address
from callback.services.calendars import load_calendars, years_around
from callback.services.hard_rules import next_moment

LOOK_AGAIN = timedelta(minutes=30)
"""What cannot be sent for a reason that time alone does not heal is not looked at again before."""
READ_BY_THEN = timedelta(hours=2)
"""When it is looked whether somebody has read what the customer wrote; each look is an entry in the case's record."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A contact that may be made now."""

    callback: Callback
    contact: Contact
    point: ContactPoint
    closes_at: datetime | None
    """When the customer's window closes."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now, by this rule. `at`: when it may be; None when never, and the supervisor has to decide."""

    rule: str
    at: datetime | None
    replan: bool = False
    """The planner shall look at the case: another channel may be possible, or nothing is owed any more."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One callback with all that is known about it."""

    callback: Callback
    contact: Contact
    situation: Situation
    point: ContactPoint | None
    """Of the address that would be used."""


class Judge:
    """The facts of one batch, and the checks in the order in which they are asked."""

    def __init__(
        self,
        session: Session,
        callbacks: Sequence[Callback],
        *,
        way: SendChannel,
        has_room: Callable[[datetime | None], bool],
        now: datetime,
    ) -> None:
        self._way, self._has_room, self._now = way, has_room, now
        self.policy: Policy = load_policy(session)
        self._table = load_retry_table(session)
        whose = {callback.customer_id for callback in callbacks}
        self._cases = read_cases(session, sorted({callback.case_id for callback in callbacks}))
        self._customers = customer_facts(session, whose, now)
        written = {one for facts in self._customers.values() for one in facts.phones}
        self._unread = messages.unread_from(session, written)
        self._for_a_person = messages.waits_for_a_person(session, written)
        self._points: Mapping[tuple[int, str], ContactPoint] = rows.contact_points(session, whose)
        countries = {facts.country for facts in self._customers.values()}
        self._calendars = load_calendars(session, countries, years_around(now))
        self._checks: tuple[Callable[[_Case], Wait | None], ...] = (
            self._still_owed,
            self._nothing_to_read,
            self._channel_allowed,
            self._reachable,
            self._hard_rules,
            self._room,
        )

    def addresses(self, callback: Callback) -> set[object]:
        """The customer, and every address over which another could be the same person's."""
        customer = self._customers[callback.customer_id]
        return {customer.id, *customer.phones, *customer.emails}

    def judge(self, callback: Callback) -> Fit | Wait | None:
        """None: somebody is just calling this customer, or they have written and nobody has read it; later."""
        if self._unread.intersection(self._customers[callback.customer_id].phones):
            return None
        one = self._read(callback)
        if one.contact.address is not None and one.point is None:
            return None
        for check in self._checks:
            wait = check(one)
            if wait is not None:
                return wait
        assert one.point is not None  # noqa: S101  `_reachable` has looked
        return Fit(callback, one.contact, one.point, closes(one.contact, self.policy))

    def stopped(self, callback: Callback) -> str | None:
        """Why a survey that has begun and not left yet is not owed any more; None while it is."""
        wait = self._still_owed(self._read(callback))
        return None if wait is None else wait.rule

    def _read(self, callback: Callback) -> _Case:
        customer = self._customers[callback.customer_id]
        contact = Contact(
            at=self._now,
            channel=callback.channel,
            purpose=callback.purpose,
            customer=customer,
            case=self._cases.facts[callback.case_id],
            calendar=self._calendars[customer.country],
            callback_id=callback.id,
            dissatisfaction=self._cases.flags.get(callback.case_id),
        )
        contact = replace(contact, address=next_address(contact, self._table))
        situation = Situation(
            now=self._now,
            case=contact.case,
            customer=customer,
            calendar=contact.calendar,
            callbacks=self._cases.callbacks.get(callback.case_id, ()),
            flag=contact.dissatisfaction,
            carriers=frozenset({self._way.channel}),
        )
        point = self._points.get((customer.id, contact.address)) if contact.address is not None else None
        return _Case(callback, contact, situation, point)

    # ── The checks ──────────────────────────────────────────────────────────────────────────────────────────────

    def _still_owed(self, one: _Case) -> Wait | None:
        """Not when the case was reopened, an agent has asked already, or the customer rests between two surveys."""
        stopped = survey_stopped(one.situation, self.policy) if one.callback.purpose is Purpose.SURVEY else None
        return None if stopped is None else self._planned_anew(stopped.rule)

    def _nothing_to_read(self, one: _Case) -> Wait | None:
        """Whoever has written what nobody has understood is not asked anything more before somebody has read it."""
        waits = self._for_a_person.intersection(one.contact.customer.phones)
        return Wait("message_waits_for_a_person", self._now + READ_BY_THEN) if waits else None

    def _channel_allowed(self, one: _Case) -> Wait | None:
        """The country, the customer's consent and opt-outs, as they are now."""
        countries = self.policy.automatic_countries
        allowed = countries.get(one.contact.customer.country, countries["*"])
        reason = channel_refusal(one.callback.channel, one.situation, allowed)
        return None if reason is None else self._planned_anew(reason)

    def _reachable(self, one: _Case) -> Wait | None:
        if one.point is None:
            return self._planned_anew("no_address")
        if self._way.is_real and one.point.fictional:
            return Wait("fictional_number", self._now + timedelta(days=1))
        if one.callback.channel is Channel.VOICE and one.point.extension:
            return Wait("extension", self._now + timedelta(days=1))
        return None

    def _hard_rules(self, one: _Case) -> Wait | None:
        refused = refusals(one.contact, self.policy)
        return Wait(refused[0].reason, next_moment(one.contact, self.policy)) if refused else None

    def _room(self, one: _Case) -> Wait | None:
        """What the carrier cannot place before this customer's window closes waits for the next one."""
        closes_at = closes(one.contact, self.policy)
        if self._has_room(closes_at):
            return None
        later = replace(one.contact, at=closes_at or self._now)
        return Wait("no_room_in_window", next_moment(later, self.policy))

    def _planned_anew(self, rule: str) -> Wait:
        return Wait(rule, self._now + LOOK_AGAIN, replan=True)


def closes(contact: Contact, policy: Policy) -> datetime | None:
    """When the window in which the contact lies closes for this customer."""
    hours = calling_hours(contact.customer.zone, contact.calendar, policy)
    day = contact.at.astimezone(contact.customer.zone).date()
    return next((window.end for window in hours.windows(day) if contact.at in window), None)
