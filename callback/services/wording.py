"""What sentences name, as people read it: languages and time zones by their names, moments on a calendar and a clock.

Rules, decisions and findings keep plain values (`en`, `America/Los_Angeles`, `2026-03-11 21:00`), for they are read in
two languages; every sentence about them passes through here on its way to a person.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton, get_timezone_name

from callback.domain.policy_figures import BY_NAME, SECONDS, Unit
from callback.domain.rules import Refusal
from callback.domain.wish import PreferredTime, preferred_times
from callback.errors import CallbackError
from callback.texts import Language, catalogue, say

LOCALES: Mapping[Language, Locale] = {"zh": Locale.parse("zh_Hans_CN"), "en": Locale.parse("en_GB")}
MOMENTS = frozenset(
    {
        "again",
        "answered_at",
        "at",
        "calls_at",
        "closed_at",
        "day",
        "due",
        "earliest",
        "last",
        "local",
        "promise",
        "raised_at",
        "until",
    }
)
"""Parameters that are dates or moments, where they look like one."""
NOBODY: Mapping[int, str] = MappingProxyType({})
_MONDAY = date(2024, 1, 1)


def sentence(code: str, params: Mapping[str, Any], language: Language, *, names: Mapping[int, str] = NOBODY) -> str:
    """The sentence for `code`, with `params` as people read them."""
    return say(code, language, **spoken(params, language, names=names))


def why_not(refusals: Iterable[Refusal], language: Language, *, agent: str) -> str:
    """Everything that speaks against an agent, of which the first may not be the last to be overruled."""
    told = [say(f"rule.{r.reason}", language, **spoken(r.params, language) | {"agent_id": agent}) for r in refusals]
    return joined(told, language)


def params_of(error: CallbackError, language: Language) -> Mapping[str, Any]:
    """What fills the error's sentence: figures and fields by the names that pages give them."""
    if error.code == "quick_reply_text":
        return {**error.params, "called": say(f"replies_desk.{error.params['field']}", language)}
    faults: Any = error.details.get("faults")
    if error.code != "policy_figure" or not faults:
        return error.params
    return {**error.params, "problem": joined((_fault(language, **fault) for fault in faults), language)}


def _fault(language: Language, *, figure: str, code: str, params: Mapping[str, Any]) -> str:
    if figure not in BY_NAME:
        return say(f"setup_policy.fault.{code}", language, figure=figure)
    unit = BY_NAME[figure].unit
    if unit in SECONDS or unit is Unit.PER_CENT:
        params = {name: say(f"setup_policy.unit_{unit}", language, value=value) for name, value in params.items()}
    fault = say(f"setup_policy.fault.{code}", language, **params)
    return say("setup_policy.fault_of", language, figure=say(f"setup_policy.{figure}", language), fault=fault)


def joined(sentences: Iterable[str], language: Language) -> str:
    return between(language).join(sentences)


def between(language: Language) -> str:
    """What stands between two sentences."""
    return "" if language == "zh" else " "


def listed(names: Iterable[str], language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(names)


def spoken(
    params: Mapping[str, Any],
    language: Language,
    *,
    zone: ZoneInfo | None = None,
    names: Mapping[int, str] = NOBODY,
) -> dict[str, Any]:
    """The same parameters as people read them, agents by name instead of by number where `names` has it.

    Moments that know their offset are told on the clock of `zone`, else as they are.
    """
    said = {name: _spoken(name, value, language, zone) for name, value in params.items()}
    if "agent_id" in said:
        said["agent_id"] = names.get(said["agent_id"], said["agent_id"])
    return said


def _spoken(name: str, value: Any, language: Language, zone: ZoneInfo | None) -> Any:
    if name == "language":
        return language_name(str(value), language)
    if name == "zone":
        return zone_name(str(value), language)
    if name == "times":
        return wishes(str(value), language)
    if name == "windows":
        return listed(str(value).split(", "), language)
    if name in MOMENTS and isinstance(value, str | date):
        return _when(value, language, zone)
    return value


def _when(value: str | date, language: Language, zone: ZoneInfo | None) -> str:
    at = _read(value) if isinstance(value, str) else value
    if at is None:
        return str(value)
    if not isinstance(at, datetime):
        return day(at, language)
    return moment(at if zone is None or at.tzinfo is None else at.astimezone(zone), language)


def _read(text: str) -> date | None:
    """A day or a moment; None for anything else."""
    try:
        return date.fromisoformat(text) if len(text) == len("2026-03-11") else datetime.fromisoformat(text)
    except ValueError:
        return None


def utc(at: datetime) -> str:
    """A moment among the params of a decision or a finding; `spoken` reads it again."""
    return f"{at:%Y-%m-%d %H:%M}Z"


def moment(at: datetime, language: Language) -> str:
    """`Wed, 11 Mar 2026, 21:00`, on the clock that `at` is told by: clear whenever it is read."""
    return say("desk.day_at", language, day=day(at.date(), language), time=f"{at:%H:%M}")


@lru_cache(maxsize=4096)
def day(on: date, language: Language) -> str:
    """`Wed, 11 Mar 2026` or `2026年3月11日周三`."""
    return format_skeleton("yMMMEd", on, locale=LOCALES[language])


def weekday(number: int, language: Language) -> str:
    """`Wed` or `周三`; Monday is 0."""
    return format_skeleton("E", _MONDAY.replace(day=1 + number), locale=LOCALES[language])


@lru_cache(maxsize=256)
def language_name(code: str, language: Language) -> str:
    """`English` or `英语`; a code that no language has is shown as it is."""
    return str(LOCALES[language].languages.get(code, code))


def country_name(code: str, language: Language) -> str:
    """`China` or `中国`; a code that no country has is shown as it is."""
    return str(LOCALES[language].territories.get(code, code))


def carrier_name(name: str, language: Language) -> str:
    """A way out as people call it; one of a package of your own by the name that it gives itself."""
    code = f"carrier.{name}"
    return say(code, language) if code in catalogue(language) else name


@lru_cache(maxsize=1024)
def zone_name(key: str, language: Language) -> str:
    """`Pacific Time` or `北美太平洋时间`."""
    if key.removeprefix("Etc/") in ("UTC", "GMT"):
        return "UTC"
    return get_timezone_name(ZoneInfo(key), "long", locale=LOCALES[language])


def wishes(text: str, language: Language) -> str:
    """Preferred times, as customers are asked about them: `Mon–Fri 18:00–20:00`."""
    return listed((_wish(wish, language) for wish in preferred_times(text)), language)


def _wish(wish: PreferredTime, language: Language) -> str:
    hours = f"{wish.starts:%H:%M}–{wish.ends:%H:%M}"
    if len(wish.weekdays) == 7:
        return hours
    first, last = wish.weekdays[0], wish.weekdays[-1]
    if len(wish.weekdays) > 2 and last - first + 1 == len(wish.weekdays):
        to = "至" if language == "zh" else "–"
        days = f"{weekday(first, language)}{to}{weekday(last, language)}"
    else:
        days = listed((weekday(number, language) for number in wish.weekdays), language)
    return f"{days} {hours}"
