"""Made-up telephone numbers for a try-out on cases that have none. No real carrier is ever given one."""

import phonenumbers
from sqlalchemy.orm import Session

from callback.db import imports as rows
from callback.db.bulk import insert_rows
from callback.db.tables import ContactPoint
from callback.domain.words import ContactKind, ContactState
from callback.errors import Invalid
from callback.settings import Settings

_BATCH = 20_000
_LAST = 100
"""Behind every address that the customer really has."""


def check_allowed(settings: Settings) -> None:
    """Raises `Invalid` (`fictional_phones_with_real_carrier`)."""
    if settings.has_real_carrier:
        raise Invalid("fictional_phones_with_real_carrier")


def fictional_number(country: str, n: int) -> str:
    """The n-th made-up number of a country, in E.164; it belongs to nobody and never will.

    China has no 120… mobiles (they begin with 13 to 19), North America no area code 555 with an exchange that begins
    with 0; elsewhere a national number does not begin with 00.
    """
    if country == "CN":
        return f"+86120{n % 10**8:08d}"
    code = phonenumbers.country_code_for_region(country) or 1
    return f"+15550{n % 10**6:06d}" if code == 1 else f"+{code}00{n % 10**8:08d}"


def add_fictional_phones(session: Session, *, source: str, after_id: int = 0) -> tuple[int, int]:
    """A number for up to 20,000 customers of `source` who have no telephone number, by the customer's id.

    Returns how many, and the id to go on from (0: nobody is left).
    """
    people = session.scalars(rows.without_phone(source=source, after_id=after_id).limit(_BATCH)).all()
    insert_rows(
        session,
        ContactPoint.__table__,  # type: ignore[arg-type]
        ("customer_id", "kind", "address", "position", "state", "fictional"),
        [
            (p.id, ContactKind.MOBILE.value, fictional_number(p.country, p.id), _LAST, ContactState.GOOD.value, 1)
            for p in people
        ],
        ready=True,
    )
    return len(people), people[-1].id if len(people) == _BATCH else 0
