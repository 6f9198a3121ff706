"""Further messages of a conversation, asked again before they leave: is it still wanted, and may it be at this hour.

Somebody who has just written is awake and waits for the answer: it leaves at any hour. What could not leave for longer
than that (an outage, a worker that stood still, a sender that is too slow) is a message like any other by then, and
waits for the customer's calling window. The confirmation of an opt-out always leaves: it is owed at once, and is the
last word.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.db import conversations as rows
from callback.db import messages
from callback.db.policies import load_policy
from callback.db.tables import Attempt, Send
from callback.domain.facts import CustomerFacts
from callback.domain.moment import CallingHours, calling_hours
from callback.domain.words import SendKind
from callback.services.calendars import load_calendars, years_around
from callback.services.sends.decided import not_sent

AT_ONCE = timedelta(minutes=10)
"""So long after the customer's own message an answer to it is one."""
HasRoom = Callable[[datetime | None], bool]
"""Whether the carrier can still place one more before this moment."""
LOOK_AGAIN = timedelta(days=1)
"""When there is no window for as far as we look ahead."""


class Conversations:
    """The facts of one batch of further messages, read at once; of what is an immediate answer hardly any."""

    def __init__(
        self,
        session: Session,
        sends: Sequence[Send],
        *,
        customers: dict[int, CustomerFacts],
        has_room: HasRoom,
        now: datetime,
    ) -> None:
        self._session, self._customers, self._has_room, self._now = session, customers, has_room, now
        whose = {one.customer_id for one in sends if one.customer_id is not None}
        self._awake = messages.heard_since(session, whose, since=now - AT_ONCE)
        # Without a known customer there is no clock to look at: it is the answer to an unknown number.
        known = [one for one in sends if one.customer_id is not None]
        self._late = {one.id: one for one in known if one.customer_id not in self._awake}
        questions = {one.attempt_id for one in sends if one.kind is SendKind.QUESTION and one.attempt_id is not None}
        self._still_asked = rows.still_asked(session, questions)
        self._hours = self._read_hours()

    def overtaken(self, send: Send) -> bool:
        """A question that waited until a later one was put, or it was answered: the reply would count for another."""
        asked = send.kind is SendKind.QUESTION and send.attempt_id is not None
        return asked and send.id not in self._still_asked

    def may_leave(self, send: Send, *, opted_out: bool) -> bool:
        """Whether it may leave at this hour; else it is put off to the customer's window, with the reason on record.

        `opted_out`: a `NOTICE` to such a customer is the confirmation.
        """
        if send.id not in self._late or (opted_out and send.kind is SendKind.NOTICE):
            send.closes_at = None
            return True
        hours = self._hours[send.customer_id or 0]
        day = self._now.astimezone(hours.zone).date()
        closes_at = next((window.end for window in hours.windows(day) if self._now in window), None)
        if closes_at is not None and self._has_room(closes_at):
            send.closes_at = closes_at
            return True
        # Also when it is only the room that is short: at the head of the queue it would keep others back until then.
        send.closes_at, send.due_at = None, hours.next_legal(closes_at or self._now) or self._now + LOOK_AGAIN
        attempt = self._session.get(Attempt, send.attempt_id) if send.attempt_id is not None else None
        if attempt is not None:
            rule = "outside_window" if closes_at is None else "no_room_in_window"
            not_sent(self._session, attempt, send, rule=rule, now=self._now, not_before=send.due_at)
        return False

    def _read_hours(self) -> dict[int, CallingHours]:
        if not self._late:
            return {}
        policy = load_policy(self._session)
        whose = {one.customer_id for one in self._late.values() if one.customer_id is not None}
        countries = {self._customers[one].country for one in whose}
        calendars = load_calendars(self._session, countries, years_around(self._now))
        return {
            one: calling_hours(self._customers[one].zone, calendars[self._customers[one].country], policy)
            for one in whose
        }
