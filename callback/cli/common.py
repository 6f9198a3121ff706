"""What every command needs: the house, the reader's language, and one way to fail."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from callback.bootstrap import House, build
from callback.clock import Clock, shifted_clock, utc_now
from callback.db import migrate
from callback.errors import CallbackError, Invalid, RuleBroken, Unavailable
from callback.services import wording
from callback.settings import load_settings
from callback.texts import Language, say


def _width(*, is_terminal: bool) -> int | None:
    """What goes into a pipe or a file is not cut to the width of a terminal that is not there."""
    return None if is_terminal or "COLUMNS" in os.environ else 200


console = Console(width=_width(is_terminal=sys.stdout.isatty()))
complaints = Console(stderr=True, width=_width(is_terminal=sys.stderr.isatty()))


def fail(error: CallbackError, language: Language, zone: ZoneInfo) -> NoReturn:
    """Print the sentence that says what to do next, with the rules that stand in the way, and exit 2."""
    for line in [
        say(f"error.{error.code}", language, **wording.params_of(error, language)),
        *_rules(error, language, zone),
    ]:
        complaints.print(line, style="red", markup=False, highlight=False)
    raise typer.Exit(2)


def _rules(error: CallbackError, language: Language, zone: ZoneInfo) -> Iterator[str]:
    """What `services/hard_rules.py` and `placing.py` put into the details, as a person reads it."""
    refusals: Any = error.details.get("refusals", ())
    for refusal in refusals:
        yield "  - " + refusal["sentences"][language]
    if isinstance(error, RuleBroken) and refusals:
        legal = error.details.get("next_legal_moment")
        at = None if legal is None else wording.moment(datetime.fromisoformat(str(legal)).astimezone(zone), language)
        yield say("desk.rule_no_moment", language) if at is None else say("desk.rule_next_moment", language, at=at)


_FIRST_YEAR, _LAST_YEAR = 1970, 2999
"""Of the moments that are taken: at the ends of the calendar nothing can be counted forwards or backwards."""


def moment_of(text: str, zone: ZoneInfo) -> datetime:
    """A moment as people write it, in `zone` when it names none. Raises `Invalid`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("as_of_not_a_moment", text=text) from None
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise Invalid("as_of_not_a_moment", text=text)
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def check_schema(house: House) -> None:
    """Raises `Unavailable("schema_not_at_head")`, which says to run `callback migrate`."""
    with house.engine.connect() as connection:
        present = migrate.current(connection)
    if present != migrate.head():
        raise Unavailable("schema_not_at_head", present=present or "-", expected=migrate.head() or "-")


@contextmanager
def open_house(*, as_of_text: str | None = None) -> Iterator[House]:
    """The house for one command. A `CallbackError` inside becomes a sentence and exit code 2.

    `as_of_text` moves the clock for a try-out on old data (a date or a moment, in the centre's zone unless it names
    one); refused when a real carrier is configured.
    """
    try:
        settings = load_settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "CALLBACK_" + "_".join(str(part) for part in problem["loc"]).upper()
            complaints.print(f"{name}: {problem['msg']}", style="red", markup=False)
        raise typer.Exit(2) from None
    except (UnicodeDecodeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text in UTF-8"
        file = os.environ.get("CALLBACK_ENV_FILE", "callback.env")
        complaints.print(f"CALLBACK_ENV_FILE: {file}: {reason}", style="red", markup=False)
        raise typer.Exit(2) from None
    try:
        clock: Clock = utc_now
        if as_of_text is not None:
            if settings.has_real_carrier:
                raise Invalid("as_of_with_real_carrier")
            clock = shifted_clock(moment_of(as_of_text, ZoneInfo(settings.time_zone)))
        house = build(settings, clock=clock)
        try:
            yield house
        except (OperationalError, ProgrammingError) as error:
            if _lacks_something(error):
                check_schema(house)  # `no such table` says nothing to whoever has only not migrated yet
            raise
        finally:
            house.close()
    except CallbackError as error:
        fail(error, settings.language, ZoneInfo(settings.time_zone))
    except DatabaseError as error:
        # SQLite's own class alone: a file that is no database, or is damaged. Other faults are ours to see in full.
        if not isinstance(error, OperationalError) and type(error.orig) is not sqlite3.DatabaseError:
            raise
        complaints.print(str(error.orig).strip(), style="red", markup=False, highlight=False)
        code = "database_unavailable" if isinstance(error, OperationalError) else "database_damaged"
        fail(Unavailable(code), settings.language, ZoneInfo(settings.time_zone))


def _lacks_something(error: DatabaseError) -> bool:
    return isinstance(error, ProgrammingError) or "no such" in str(error.orig)
