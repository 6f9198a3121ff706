"""How a customer who calls back is found: indexes over the end of a number, the beginning of a name, its last word.

They are over expressions, which the two databases write and compare in ways of their own, so they are SQL of the first
migration and no part of the metadata; `db/search.py` asks in the same words. Raw SQL for a driver's cursor.
"""

from collections.abc import Mapping
from types import MappingProxyType

PREFIX = "search_"
"""Of the names of these indexes: the comparison of metadata and database leaves them alone (`db/migrate.py`)."""

TAIL = {"sqlite": "substr(address, -4)", "postgresql": "right(address, 4)"}
NUMBERS = "kind <> 'email'"
NAME = "lower(name)"
LAST_WORD = "lower(substr(name, length(rtrim(name, replace(name, ' ', ''))) + 1))"
"""`wang` of `Mei Wang`: what is left when everything that is no blank is taken from the end."""
SEVERAL_WORDS = "replace(name, ' ', '') <> name"

_PATTERN = {"sqlite": "", "postgresql": " text_pattern_ops"}
"""A beginning is a range only where letters are compared by their codes, as SQLite always does."""


def _of(dialect: str) -> tuple[str, ...]:
    pattern = _PATTERN[dialect]
    return (
        f"CREATE INDEX {PREFIX}contact_points_tail ON contact_points ({TAIL[dialect]}) WHERE {NUMBERS}",
        f"CREATE INDEX {PREFIX}customers_name ON customers ({NAME}{pattern})",
        f"CREATE INDEX {PREFIX}customers_last_word ON customers (({LAST_WORD}){pattern}) WHERE {SEVERAL_WORDS}",
    )


CREATE: Mapping[str, tuple[str, ...]] = MappingProxyType({name: _of(name) for name in ("sqlite", "postgresql")})
"""After the tables are made; they go with them."""
