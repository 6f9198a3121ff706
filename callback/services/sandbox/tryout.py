"""A try-out at any hour: an invented customer somewhere in the world where it is a decent time to be surveyed.

Nothing is bent for it: the customer lives where the windows are open now, has agreed to this one channel, and has a
number that belongs to nobody. The planner and the worker do the rest, as for everybody else.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.channels.protocol import SendChannel
from callback.db.jobs import enqueue
from callback.db.policies import load_policy
from callback.db.tables import Case, ContactPoint, Customer
from callback.domain.handle import new_handle
from callback.domain.moment import calling_hours
from callback.domain.words import CaseKind, CaseStatus, Channel, ContactKind
from callback.errors import Conflict
from callback.services import audit
from callback.services.calendars import load_calendar, years_around
from callback.services.imports.fictional import check_allowed, fictional_number
from callback.services.sandbox.telephone import SOURCE
from callback.settings import Settings
from callback.texts import Language, say

PLACES: tuple[tuple[str, str], ...] = (
    ("SG", "Asia/Singapore"),
    ("GB", "Europe/London"),
    ("DE", "Europe/Berlin"),
    ("AE", "Asia/Dubai"),
    ("AU", "Australia/Sydney"),
    ("NZ", "Pacific/Auckland"),
    ("US", "America/New_York"),
    ("US", "America/Los_Angeles"),
    ("US", "Pacific/Honolulu"),
)
"""Between them the windows are open around the clock; a holiday closes one of them."""
_ENOUGH = timedelta(minutes=10)
"""Of the window must be left: a conversation takes a while."""


def invite(
    session: Session, *, way: SendChannel, settings: Settings, language: Language, by: int, now: datetime
) -> Customer:
    """An invented customer whose survey goes out as soon as the planner and the worker have looked.

    Raises `Conflict` (`sandbox_nowhere_awake`) when the policy leaves no place in the world where it may leave now,
    and `Invalid` (`fictional_phones_with_real_carrier`) where something could really be sent.
    """
    check_allowed(settings)
    channel = way.channel
    country, zone = _awake(session, channel, now)
    customer = Customer(
        source=SOURCE,
        external_id=new_handle(),
        name=say("sandbox_desk.customer", language, place=say(f"sandbox_desk.place_{zone.split('/')[1]}", language)),
        language=language,
        country=country,
        time_zone=zone,
        consents=[channel.value],
        created_at=now,
        updated_at=now,
    )
    session.add(customer)
    session.flush()
    is_email = channel is Channel.EMAIL
    session.add(
        ContactPoint(
            customer_id=customer.id,
            kind=ContactKind.EMAIL if is_email else ContactKind.MOBILE,
            address=f"try-{customer.id}@example.com" if is_email else fictional_number(country, customer.id),
            fictional=True,
        )
    )
    session.add(_closed_case(customer, language, now=now, survey_after=load_policy(session).survey_after))
    session.flush()
    audit.record(
        session, now=now, actor_id=by, action="sandbox.invite", subject_kind="customer", subject_id=customer.id,
        channel=channel.value,
    )  # fmt: skip
    enqueue(session, "plan", queueing_lock="plan")
    return customer


def _closed_case(customer: Customer, language: Language, *, now: datetime, survey_after: timedelta) -> Case:
    """Answered and told long enough ago that the survey is due."""
    closed_at = now - survey_after - timedelta(minutes=5)
    return Case(
        source=SOURCE,
        external_id=new_handle(),
        customer_id=customer.id,
        subject=say("sandbox_desk.case_subject", language),
        answer=say("sandbox_desk.case_answer", language),
        kind=CaseKind.ENQUIRY,
        status=CaseStatus.CLOSED,
        opened_at=closed_at - timedelta(days=1),
        answered_at=closed_at,
        told_at=closed_at,
        closed_at=closed_at,
        plan_at=now,
        created_at=now,
        updated_at=now,
    )


def _awake(session: Session, channel: Channel, now: datetime) -> tuple[str, str]:
    policy = load_policy(session)
    for country, zone in PLACES:
        allowed = policy.automatic_countries.get(country, policy.automatic_countries["*"])
        if channel.value not in allowed:
            continue
        hours = calling_hours(ZoneInfo(zone), load_calendar(session, country, years_around(now)), policy)
        windows = hours.windows(now.astimezone(ZoneInfo(zone)).date())
        if any(now in window and now + _ENOUGH < window.end for window in windows):
            return country, zone
    raise Conflict("sandbox_nowhere_awake")
