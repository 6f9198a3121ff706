"""Customers as the hard rules see them: everything a rule may ask, read in a handful of set-wise queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.orm import Session

from callback.db.among import among, plain, plain_scalars
from callback.db.tables import Attempt, Callback, ContactPoint, Customer, Dissatisfaction, Response, Suppression
from callback.domain.disposition import spoke
from callback.domain.facts import AttemptFact, CustomerFacts, SuppressionFact
from callback.domain.wish import read_forbidden, read_preferred
from callback.domain.words import AttemptState, ContactKind, ContactState, SuppressionScope

CHUNK = 10_000
"""Customers in one query: SQLite takes 32,766 parameters."""
SHARED_SINCE = timedelta(days=92)
"""How far back the attempts of others who share an address are looked at: a day matters for the budget, the rest
between surveys for the questionnaires. A customer's own attempts are read without a limit."""

_GOOD = ContactPoint.state == ContactState.GOOD
_ATTEMPT_COLUMNS = (
    Attempt.started_at,
    Attempt.channel,
    Callback.purpose,
    Attempt.part_of_day,
    Attempt.disposition,
    Attempt.agent_id,
    Attempt.case_id,
    Attempt.callback_id,
    Attempt.address,
    Attempt.counts,
    Attempt.by_appointment,
    Attempt.state,
    Attempt.identity_at,
)


def customer_facts(session: Session, ids: Iterable[int], now: datetime) -> dict[int, CustomerFacts]:
    """What the rules know at `now` about each of these customers; an id that does not exist is left out."""
    facts: dict[int, CustomerFacts] = {}
    wanted = sorted(set(ids))
    for first in range(0, len(wanted), CHUNK):
        facts.update(_facts_of(session, wanted[first : first + CHUNK], now))
    return facts


def _facts_of(session: Session, ids: Sequence[int], now: datetime) -> Iterator[tuple[int, CustomerFacts]]:
    addresses = _addresses(session, ids)
    attempts = _attempts(session, ids, now)
    suppressions = _suppressions(session, ids, now)
    surveys = _last_surveys(session, ids)
    unhappy = set(
        plain_scalars(
            session, select(Dissatisfaction.customer_id).where(among(session, Dissatisfaction.customer_id, ids))
        )
    )
    columns = (
        Customer.id,
        Customer.time_zone,
        Customer.country,
        Customer.language,
        Customer.special,
        Customer.consents,
        Customer.preferred_times,
        Customer.forbidden_dates,
    )
    nothing: Addresses = ((), (), ())
    rows = plain(session, select(*columns).where(among(session, Customer.id, ids))).all()
    for customer_id, zone, country, language, special, consents, preferred, forbidden in rows:
        phones, emails, kinds = addresses.get(customer_id, nothing)
        last_survey_at, last_survey_callback_id = surveys.get(customer_id, (None, None))
        tried = attempts.get(customer_id)
        yield (
            customer_id,
            CustomerFacts(
                id=customer_id,
                zone=ZoneInfo(zone),
                country=country,
                language=language,
                special=special,
                phones=phones,
                phone_kinds=kinds,
                emails=emails,
                consents=frozenset(consents),
                preferred=read_preferred(tuple(preferred)) if preferred else (),
                forbidden=read_forbidden(tuple(forbidden)) if forbidden else (),
                suppressions=tuple(suppressions[customer_id]) if customer_id in suppressions else (),
                attempts=tuple(sorted(tried, key=lambda attempt: attempt.at)) if tried else (),
                last_survey_at=last_survey_at,
                last_survey_callback_id=last_survey_callback_id,
                unhappy_before=customer_id in unhappy,
            ),
        )


Addresses = tuple[tuple[str, ...], tuple[str, ...], tuple[ContactKind, ...]]


def _addresses(session: Session, ids: Collection[int]) -> dict[int, Addresses]:
    """Good numbers and good e-mail addresses, in the order in which they are tried, and the kinds of the numbers."""
    phones: defaultdict[int, list[str]] = defaultdict(list)
    emails: defaultdict[int, list[str]] = defaultdict(list)
    kinds: defaultdict[int, list[ContactKind]] = defaultdict(list)
    rows = plain(
        session,
        select(ContactPoint.customer_id, ContactPoint.kind, ContactPoint.address)
        .where(among(session, ContactPoint.customer_id, ids), _GOOD)
        .order_by(ContactPoint.customer_id, ContactPoint.position, ContactPoint.id),
    ).all()
    for customer_id, kind, address in rows:
        if kind is ContactKind.EMAIL:
            emails[customer_id].append(address)
        else:
            phones[customer_id].append(address)
            kinds[customer_id].append(kind)
    found: dict[int, Addresses] = {
        i: (tuple(numbers), tuple(emails[i]) if i in emails else (), tuple(kinds[i])) for i, numbers in phones.items()
    }
    return found | {i: ((), tuple(written), ()) for i, written in emails.items() if i not in phones}


def _attempts(session: Session, ids: Collection[int], now: datetime) -> dict[int, list[AttemptFact]]:
    """The customers' own attempts, and those of others at an address that is theirs too."""
    own = (
        select(Attempt.customer_id, *_ATTEMPT_COLUMNS)
        .join(Callback, Callback.id == Attempt.callback_id)
        .where(among(session, Attempt.customer_id, ids))
    )
    shared = (
        select(ContactPoint.customer_id, *_ATTEMPT_COLUMNS)
        .join(Attempt, and_(Attempt.address == ContactPoint.address, Attempt.customer_id != ContactPoint.customer_id))
        .join(Callback, Callback.id == Attempt.callback_id)
        .where(among(session, ContactPoint.customer_id, ids), _GOOD, Attempt.started_at >= now - SHARED_SINCE)
    )
    found: defaultdict[int, list[AttemptFact]] = defaultdict(list)
    for statement in (own, shared):
        for row in plain(session, statement):
            found[row.customer_id].append(_attempt(row))
    return found


def _attempt(row: Row[Any]) -> AttemptFact:
    return AttemptFact(
        at=row.started_at,
        channel=row.channel,
        purpose=row.purpose,
        part_of_day=row.part_of_day,
        disposition=row.disposition,
        agent_id=row.agent_id,
        case_id=row.case_id,
        callback_id=row.callback_id,
        address=row.address,
        counts=row.counts,
        by_appointment=row.by_appointment,
        connected=row.state is AttemptState.CONNECTED or row.identity_at is not None or spoke(row.disposition),
    )


def _suppressions(session: Session, ids: Collection[int], now: datetime) -> dict[int, list[SuppressionFact]]:
    """Live at `now`: said by the customer, or about an address that is good and theirs, whoever said it."""
    live = and_(Suppression.created_at <= now, or_(Suppression.lifted_at.is_(None), Suppression.lifted_at > now))
    columns = (Suppression.id, Suppression.scope, Suppression.address, Suppression.reason)
    by_person = (
        select(Customer.id.label("customer_id"), *columns)
        .join(Suppression, Suppression.customer_id == Customer.id)
        .where(among(session, Customer.id, ids), live)
    )
    by_address = (
        select(ContactPoint.customer_id.label("customer_id"), *columns)
        .join(Suppression, Suppression.address == ContactPoint.address)
        .where(among(session, ContactPoint.customer_id, ids), _GOOD, live)
    )
    found: defaultdict[int, dict[int, SuppressionFact]] = defaultdict(dict)
    for row in plain(session, by_address):
        found[row.customer_id][row.id] = SuppressionFact(row.scope, row.address, row.reason)
    for row in plain(session, by_person):
        # "All" is said for the person, whatever address it was said on.
        address = None if row.scope is SuppressionScope.ALL else row.address
        found[row.customer_id][row.id] = SuppressionFact(row.scope, address, row.reason)
    return {customer_id: [facts[key] for key in sorted(facts)] for customer_id, facts in found.items()}


def _last_surveys(session: Session, ids: Collection[int]) -> dict[int, tuple[datetime, int]]:
    """When each customer was last asked a questionnaire, for whatever purpose, and in which callback."""
    rows = plain(
        session,
        select(Response.customer_id, Response.started_at, Response.callback_id)
        .where(among(session, Response.customer_id, ids))
        .order_by(Response.started_at, Response.id),
    )
    return {customer_id: (started_at, callback_id) for customer_id, started_at, callback_id in rows}


def addresses_of(session: Session, customer_id: int) -> Sequence[str]:
    """Every address of the customer, good or not."""
    return session.scalars(select(ContactPoint.address).where(ContactPoint.customer_id == customer_id)).all()
