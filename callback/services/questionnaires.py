"""Questionnaires: drafts, publishing, the shipped one. A published version never changes any more."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callback.db import surveys as rows
from callback.db import versions as db_versions
from callback.db.tables import Questionnaire
from callback.domain.survey import Definition, SurveyError, parse_definition
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit, renderings
from callback.services.contents import refused, shipped

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")


def find_questionnaire(session: Session, questionnaire_id: int) -> Questionnaire:
    """Raises `NotFound("questionnaire_not_found")`."""
    row = rows.questionnaire_by_id(session, questionnaire_id)
    if row is None:
        raise NotFound("questionnaire_not_found", questionnaire=questionnaire_id)
    return row


def versions(session: Session, *, key: str | None = None) -> Sequence[Questionnaire]:
    """Every version, newest first within each key."""
    return rows.questionnaires(session, key=key)


def check(definition: Any) -> Definition:
    """Read a definition. Raises `Invalid("questionnaire_refused")` with every fault and its place.

    What one of the channels could not carry is a fault too (`renderings.lint`).
    """
    try:
        found = parse_definition(definition)
    except SurveyError as error:
        raise refused("questionnaire_refused", error.problems) from None
    if problems := renderings.lint(found):
        raise refused("questionnaire_refused", problems)
    return found


def save_draft(
    session: Session, *, key: str, definition: Mapping[str, Any], now: datetime, author_id: int | None = None
) -> Questionnaire:
    """A new version as a draft. Raises `Invalid("questionnaire_refused")`."""
    if not _KEY.fullmatch(key):
        raise Invalid("questionnaire_key_invalid", key=key)
    check(definition)
    row = Questionnaire(
        key=key,
        version=db_versions.next_version(session, Questionnaire, {"key": key}),
        definition=dict(definition),
        created_at=now,
        created_by_id=author_id,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict("version_taken", key=key) from None
    audit.record(
        session,
        now=now,
        actor_id=author_id,
        action="questionnaire_drafted",
        subject_kind="questionnaire",
        subject_id=row.id,
        key=key,
    )
    return row


def publish(session: Session, *, questionnaire_id: int, now: datetime, actor_id: int | None = None) -> Questionnaire:
    """Put a draft into force; the version before it is retired, and responses under way keep it.

    Raises `NotFound`, `Invalid("questionnaire_refused")`, `Conflict("version_not_draft")`.
    """
    row = find_questionnaire(session, questionnaire_id)
    check(row.definition)
    if not db_versions.put_in_force(session, row, {"key": row.key}):
        raise Conflict("version_not_draft", version=row.version)
    audit.record(
        session,
        now=now,
        actor_id=actor_id,
        action="questionnaire_published",
        subject_kind="questionnaire",
        subject_id=row.id,
        key=row.key,
        version=row.version,
    )
    return row


def seed_content(session: Session, now: datetime) -> int:
    """Load and publish the shipped questionnaires that this house has no version of. Returns how many; again: 0."""
    present = {row.key for row in rows.questionnaires(session)}
    loaded = 0
    for _path, document in shipped("questionnaires"):
        if document["key"] in present:
            continue
        draft = save_draft(session, key=document["key"], definition=document["questionnaire"], now=now)
        publish(session, questionnaire_id=draft.id, now=now)
        loaded += 1
    return loaded
