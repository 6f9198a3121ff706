"""Queries on questionnaires, responses and answers."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.tables import Answer, Attempt, Callback, Questionnaire, Response
from callback.domain.words import VersionState


def questionnaire_by_id(session: Session, questionnaire_id: int) -> Questionnaire | None:
    return session.get(Questionnaire, questionnaire_id)


def questionnaires(session: Session, *, key: str | None = None) -> Sequence[Questionnaire]:
    """Newest version first within each key."""
    query = select(Questionnaire).order_by(Questionnaire.key, Questionnaire.version.desc())
    return session.scalars(query if key is None else query.where(Questionnaire.key == key)).all()


def published(session: Session, key: str) -> Questionnaire | None:
    return session.scalar(
        select(Questionnaire).where(Questionnaire.key == key, Questionnaire.state == VersionState.PUBLISHED)
    )


def of_callback(session: Session, callback_id: int) -> Response | None:
    return session.scalar(select(Response).where(Response.callback_id == callback_id))


def by_handle(session: Session, handle: str) -> Response | None:
    return session.scalar(select(Response).where(Response.handle == handle))


def locked(session: Session, response_id: int) -> Response | None:
    """The response as it is now; whoever else wants to write to it waits (SQLite has one writer at a time anyway)."""
    return session.scalar(
        select(Response).where(Response.id == response_id).with_for_update().execution_options(populate_existing=True)
    )


def answer_of(session: Session, response_id: int, question: str) -> Answer | None:
    return session.scalar(select(Answer).where(Answer.response_id == response_id, Answer.question == question))


def answers(session: Session, response_id: int) -> Sequence[Answer]:
    """In the order in which they were first given."""
    return session.scalars(select(Answer).where(Answer.response_id == response_id).order_by(Answer.id)).all()


def is_work_of(session: Session, response: Response, agent_id: int) -> bool:
    """Whether the callback of this response is the agent's own, or the agent called in it."""
    own = select(Callback.id).where(Callback.id == response.callback_id, Callback.agent_id == agent_id)
    called = select(Attempt.id).where(Attempt.callback_id == response.callback_id, Attempt.agent_id == agent_id)
    return session.scalar(own) is not None or session.scalar(called.limit(1)) is not None
