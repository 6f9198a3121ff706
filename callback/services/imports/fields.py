"""Single fields of a row: what its clean texts mean, or why they mean nothing."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from callback.domain.wish import forbidden_dates, preferred_times
from callback.services import contacts
from callback.services.imports.values import truth

CONSENTS = frozenset({"sms", "voice", "web", "email"})

Said = dict[str, Any]
"""Field → its clean text; a true date of a spreadsheet stays one."""
Points = tuple[tuple[str, str, str | None], ...]
"""(kind, address, extension)"""


class RejectedError(Exception):
    """Ends the reading of one row; `code` is `import.reject.<code>` in the catalogues."""

    def __init__(self, code: str, fields: tuple[str, ...] = (), value: str = "", more: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields
        self.value = value
        self.more = more


def subject_of(said: Said) -> tuple[str, str]:
    """Subject and description; without a subject, the beginning of the description."""
    subject: str = said.get("subject", "")
    description: str = said.get("description", "")
    if not subject:
        first = description.partition("\n")[0]
        subject = first if len(first) <= 80 else first[:79] + "…"
    if not subject:
        raise RejectedError("missing", ("subject", "description"))
    return subject, description


def customer_key(said: Said, points: Points, external_id: str) -> str:
    """Who the customer is: their number, else their first address, else nobody but this case."""
    if "customer_id" in said:
        return str(said["customer_id"])
    return points[0][1] if points else f"case:{external_id}"[:255]


def mapped(said: Said, name: str, mapping: Mapping[str, str]) -> str | None:
    text = said.get(name)
    if text is None:
        return None
    value = mapping.get(text) or mapping.get(text.casefold())
    if value is None:
        raise RejectedError(f"unknown_{name}", (name,), text, ", ".join(mapping))
    return value


def looked_up(said: Said, name: str, known: Mapping[str, int], code: str) -> int | None:
    text = said.get(name)
    if text is None:
        return None
    if text not in known:
        raise RejectedError(code, (name,), text)
    return known[text]


def rating_of(said: Said, mapping: Mapping[str, int]) -> int | None:
    """1 to 5, by the profile's mapping when it has one."""
    text = said.get("rating")
    if text is None:
        return None
    if mapping:
        if text.casefold() not in mapping:
            raise RejectedError("bad_rating", ("rating",), text)
        return mapping[text.casefold()]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if number not in (1, 2, 3, 4, 5):
        raise RejectedError("bad_rating", ("rating",), text)
    return int(number)


def country_of(said: Said) -> str | None:
    """ISO 3166-1, two letters."""
    if "country" not in said:
        return None
    text: str = said["country"].upper()
    if contacts.zone_of_country(text) is None:
        raise RejectedError("bad_country", ("country",), text)
    return text


def language_of(said: Said) -> str | None:
    """`zh` or `en`, from a tag or a name of the language."""
    if "language" not in said:
        return None
    text: str = said["language"].casefold()
    if text.startswith(("zh", "中", "汉", "chinese")):
        return "zh"
    if text.startswith(("en", "英")):
        return "en"
    raise RejectedError("bad_language", ("language",), text)


def special_of(said: Said) -> int | None:
    if "special" not in said:
        return None
    try:
        return int(truth(said["special"]))
    except ValueError:
        raise RejectedError("not_yes_or_no", ("special",), said["special"]) from None


def consents_of(said: Said) -> str | None:
    """`sms,voice`, sorted."""
    if "consents" not in said:
        return None
    text: str = said["consents"].casefold()
    channels = {part.strip() for part in text.replace(";", ",").replace("，", ",").split(",") if part.strip()}
    if channels - CONSENTS:
        raise RejectedError("bad_consent", ("consents",), text)
    return ",".join(sorted(channels))


def preferred_of(said: Said) -> str | None:
    """`mon-fri 18:00-20:00;sat 10:00-12:00`."""
    return _wishes(said, "preferred_times", preferred_times)


def forbidden_of(said: Said) -> str | None:
    """`2026-03-12;2026-04-01/2026-04-07`."""
    return _wishes(said, "forbidden_dates", forbidden_dates)


def _wishes(said: Said, name: str, read: Callable[[str], Iterable[object]]) -> str | None:
    if name not in said:
        return None
    try:
        return ";".join(str(wish) for wish in read(str(said[name])))
    except ValueError as error:
        raise RejectedError(f"bad_{name}", (name,), str(error)) from None
