"""The columns of a file of agents: their headings in both languages, and what a cell of each means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from callback.domain.words import Role
from callback.errors import Invalid
from callback.services import contacts
from callback.services.agents import check_zone
from callback.services.imports.values import truth
from callback.services.wording import language_name
from callback.texts import LANGUAGES, say

NONE = "-"
"""In a cell: take away what is there. An empty cell leaves it as it is."""
SEPARATORS = ",;，；、/\n"
_FORMULA = ("=", "+", "-", "@")
_LANGUAGE_CODES = {"zh-cn": "zh", "汉语": "zh", "普通话": "zh", "英文": "en"}


class CellError(Exception):
    """`code` is `agents_file.fault_<code>` in the catalogues."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class Column:
    """`label` names it on pages and in files; `read` turns a text that is not empty into a value."""

    label: str
    read: Callable[[str, str], Any]
    empty: Any = None
    may_be_empty: bool = False
    as_text: bool = False
    """In the template: a spreadsheet must not make a number of it."""
    needed: bool = False
    """Of somebody new."""


def _plain(most: int) -> Callable[[str, str], str]:
    def read(text: str, _country: str) -> str:
        return _word(text, most)

    return read


def _word(text: str, most: int) -> str:
    if text.startswith(_FORMULA):
        raise CellError("formula", value=text[:40])
    if len(text) > most:
        raise CellError("too_long", most=most, length=len(text))
    return text


def _role(text: str, _country: str) -> Role:
    for role in Role:
        if text.casefold() in {role.value, *(say(f"role.{role.value}", language).casefold() for language in LANGUAGES)}:
            return role
    raise CellError("role", value=text[:40])


def _yes(text: str, _country: str) -> bool:
    try:
        return truth(text)
    except ValueError:
        raise CellError("yes_no", value=text[:40]) from None


def _several(text: str) -> tuple[str, ...]:
    for separator in SEPARATORS:
        text = text.replace(separator, "\n")
    return tuple(dict.fromkeys(part.strip() for part in text.split("\n") if part.strip()))


def _languages(text: str, _country: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for word in _several(text):
        code = _language_words().get(word.casefold())
        if code is None:
            raise CellError("language", value=word[:40])
        found[code] = None
    return tuple(code for code in LANGUAGES if code in found)


def _language_words() -> Mapping[str, str]:
    said = {language_name(code, language).casefold(): code for language in LANGUAGES for code in LANGUAGES}
    return {code: code for code in LANGUAGES} | said | _LANGUAGE_CODES


def _skills(text: str, _country: str) -> tuple[str, ...]:
    found = tuple(_word(skill, 64) for skill in _several(text))
    if len(found) > 50:
        raise CellError("too_many", most=50)
    return found


def _capacity(text: str, _country: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 4 or int(text) > 1000:
        raise CellError("capacity", value=text[:40])
    return int(text)


def _zone(text: str, _country: str) -> str:
    try:
        check_zone(text)
    except Invalid:
        raise CellError("zone", value=text[:40]) from None
    return text


def _phone(text: str, country: str) -> str:
    try:
        found = contacts.phones(text, country, fictional=True)
    except contacts.BadContactError:
        found = []
    if len(found) != 1:
        raise CellError("phone")
    return found[0].address


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "login": Column("setup_desk.agent_login", _plain(120), as_text=True, needed=True),
        "name": Column("setup_desk.agent_name", _plain(120), needed=True),
        "number": Column("setup_desk.agent_number", _plain(32), as_text=True, needed=True),
        "role": Column("setup_desk.agent_role", _role),
        "team": Column("setup_desk.agent_team_id", _plain(120), may_be_empty=True),
        "leads_team": Column("setup_desk.agent_leads_team", _yes),
        "languages": Column("setup_desk.agent_languages", _languages),
        "skills": Column("setup_desk.agent_skills", _skills, empty=(), may_be_empty=True),
        "daily_capacity": Column("setup_desk.agent_daily_capacity", _capacity),
        "time_zone": Column("setup_desk.agent_time_zone", _zone),
        "phone": Column("setup_desk.agent_phone", _phone, may_be_empty=True, as_text=True),
    }
)
"""By the names of `AgentDetails`; a team by its name."""


def field_of(heading: str) -> str | None:
    """The column that a heading names, in either language or as programs call it."""
    wanted = heading.casefold().replace("*", "").strip()
    for name, column in COLUMNS.items():
        if wanted in {name, *(say(column.label, language).casefold() for language in LANGUAGES)}:
            return name
    return None


def value_of(name: str, text: str, *, country: str) -> Any:
    """What a cell that is not empty says. Raises `CellError`."""
    column = COLUMNS[name]
    if text == NONE:
        if not column.may_be_empty:
            raise CellError("needed")
        return column.empty
    return column.read(text, country)
