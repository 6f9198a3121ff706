"""Versioned content (scripts, questionnaires): drafts, one published version at a time, the rest retired."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callback.db.claims import changed_one
from callback.db.tables import Questionnaire, Script
from callback.domain.words import VersionState

Versioned = Script | Questionnaire


def next_version(session: Session, table: type[Versioned], same: Mapping[str, str]) -> int:
    """One more than the highest version of the same key (and language)."""
    highest = session.scalar(select(func.max(table.version)).where(*_same(table, same)))
    return (highest or 0) + 1


def put_in_force(session: Session, row: Versioned, same: Mapping[str, str]) -> bool:
    """Publish a draft and retire what was published before.

    False, and nothing changed, when it is no draft any more or another version was published at the same moment.
    """
    table = type(row)
    draft = table.id == row.id, table.state == VersionState.DRAFT
    # The draft is locked first (a second publisher waits here), but only one version may be published at any moment:
    # retire, then publish.
    if session.scalar(select(table.id).where(*draft).with_for_update()) is None:
        return False
    try:
        with session.begin_nested():
            session.execute(
                update(table)
                .where(*_same(table, same), table.state == VersionState.PUBLISHED)
                .values(state=VersionState.RETIRED)
                .execution_options(synchronize_session="fetch")
            )
            published = changed_one(session, update(table).where(*draft).values(state=VersionState.PUBLISHED))
    except IntegrityError:
        published = False
    session.refresh(row)
    return published


def _same(table: type[Versioned], same: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [getattr(table, name) == value for name, value in same.items()]
