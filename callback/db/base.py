"""What every table shares: named constraints, UTC times, checked enums, integer keys on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, MetaData, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, UTC in the database on every dialect.

    SQLite keeps no zone, so `DateTime(timezone=True)` would give back naive values there. Naive values are refused.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """For literals in DDL; ordinary parameters go through `bind_processor`."""
        return None if value is None else _aware(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        # One call for each value instead of the decorator's three: the planner moves millions of them.
        return _to_text if dialect.name == "sqlite" else _to_utc

    def result_processor(
        self,
        dialect: Dialect,
        coltype: object,  # noqa: ARG002
    ) -> Callable[[Any], datetime | None] | None:
        # On PostgreSQL the connection's zone is UTC (db/engine.py) and psycopg gives aware values.
        return _from_text if dialect.name == "sqlite" else None


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"naive datetime {value!r}: every moment carries its zone")
    return value.astimezone(UTC)


def _to_utc(value: datetime | None) -> datetime | None:
    return None if value is None else _aware(value)


def _to_text(value: datetime | None) -> str | None:
    """SQLAlchemy's own storage format, always with microseconds so that texts sort as moments do."""
    return None if value is None else _aware(value).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


Id = BigInteger().with_variant(Integer, "sqlite")
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def words(enum: type[StrEnum], name: str) -> Enum:
    """A text column that may only hold the values of `enum`; the `CHECK` is called `ck_<table>_<name>`."""
    return Enum(
        enum,
        name=name,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {datetime: UtcDateTime(), dict[str, Any]: Json, list[Any]: Json, list[str]: Json}


class WithId:
    """Integers inside; what leaves the house is an unguessable handle."""

    id: Mapped[int] = mapped_column(Id, primary_key=True, sort_order=-1)
