"""Questionnaires: versions, drafts, what they look like, and putting one into force."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints
from sqlalchemy import select

from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import Body, Out, PathId
from callback.db.engine import reading
from callback.db.tables import Questionnaire
from callback.domain.account import Scope
from callback.domain.rendering import FORM_OF
from callback.domain.survey import Form, Question, QuestionRole, QuestionType, Value
from callback.domain.words import Channel, VersionState
from callback.entrance import HouseDep, LanguageDep, Now, Principal, caller
from callback.services import questionnaires, renderings
from callback.texts import Language

router = APIRouter(tags=["questionnaires"])

SurveysReader = Annotated[Principal, Depends(caller(Scope.SURVEYS_READ))]
SurveysWriter = Annotated[Principal, Depends(caller(Scope.SURVEYS_WRITE))]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class QuestionnaireOut(Out):
    """One version."""

    id: int
    key: str
    version: int
    state: VersionState
    created_at: datetime
    created_by_id: int | None


class QuestionnaireDetail(QuestionnaireOut):
    definition: dict[str, Any]


class QuestionnaireBody(Body):
    """A new draft: a strict subset of SurveyJS JSON. A fault names its place in `problems`."""

    key: Key
    definition: dict[str, Any]


class OptionOut(Out):
    value: Value
    text: str


class QuestionOut(Out):
    """A question in the reader's language."""

    name: str
    type: QuestionType
    title: str
    required: bool
    role: QuestionRole | None
    options: list[OptionOut]
    low_label: str | None
    high_label: str | None
    max_length: int | None
    """Of a free text."""


class PreviewOut(Out):
    title: str
    form: Form
    questions: list[QuestionOut]


class RenderingOut(Out):
    """One question in one language: what it takes as a message, and how long it takes to say."""

    question: str
    language: Language
    message: str
    encoding: str
    segments: int
    price: Decimal | None
    """In `currency`; null when no price of a segment is set."""
    spoken: str | None
    """Null: the automatic call leaves it out."""
    seconds: float | None


class RenderingsOut(Out):
    currency: str
    renderings: list[RenderingOut]


def question_out(question: Question, language: Language) -> QuestionOut:
    """A question as its reader sees it."""
    return QuestionOut(
        name=question.name,
        type=question.type,
        title=question.title.said_in(language),
        required=question.required,
        role=question.role,
        options=[OptionOut(value=option.value, text=option.wording.said_in(language)) for option in question.options],
        low_label=question.low_label.said_in(language) if question.low_label else None,
        high_label=question.high_label.said_in(language) if question.high_label else None,
        max_length=question.max_length or None,
    )


@router.get("/questionnaires", operation_id="listQuestionnaires")
def list_questionnaires(
    house: HouseDep,
    me: SurveysReader,
    page: PageDep,
    key: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[QuestionnaireOut]:
    """Every version by key and version."""
    query = select(Questionnaire)
    if key is not None:
        query = query.where(Questionnaire.key == key)
    with reading(house.sessions) as session:
        return page.select(
            session,
            query,
            QuestionnaireOut.model_validate,
            kind="questionnaires",
            order=(Questionnaire.key, Questionnaire.version),
        )


@router.get("/questionnaires/{questionnaire_id}", operation_id="readQuestionnaire")
def read_questionnaire(questionnaire_id: PathId, house: HouseDep, me: SurveysReader) -> QuestionnaireDetail:
    """One version with its definition."""
    with reading(house.sessions) as session:
        return QuestionnaireDetail.model_validate(questionnaires.find_questionnaire(session, questionnaire_id))


@router.get("/questionnaires/{questionnaire_id}/preview", operation_id="previewQuestionnaire")
def preview_questionnaire(
    questionnaire_id: PathId, house: HouseDep, me: SurveysReader, language: LanguageDep, form: Form = Form.FULL
) -> PreviewOut:
    """The questions of one form in the reader's language; whether one is asked may depend on the answers before it."""
    with reading(house.sessions) as session:
        row = questionnaires.find_questionnaire(session, questionnaire_id)
        definition = questionnaires.check(row.definition)
    return PreviewOut(
        title=definition.title.said_in(language),
        form=form,
        questions=[question_out(question, language) for question in definition.of_form(form)],
    )


@router.get("/questionnaires/{questionnaire_id}/renderings", operation_id="readQuestionnaireRenderings")
def read_renderings(questionnaire_id: PathId, house: HouseDep, me: SurveysReader) -> RenderingsOut:
    """Each question of the short form as it leaves, and as speech: segments, price, seconds, in both languages."""
    with reading(house.sessions) as session:
        row = questionnaires.find_questionnaire(session, questionnaire_id)
        definition = questionnaires.check(row.definition)
    found = []
    for measured in renderings.measure(definition, FORM_OF[Channel.SMS], settings=house.settings):
        question = definition.question(measured.question)
        assert question is not None  # noqa: S101  it was measured
        in_calls = FORM_OF[Channel.VOICE] in question.forms
        found.append(
            RenderingOut(
                question=question.name,
                language=measured.language,
                message=measured.message,
                encoding=measured.sms.encoding,
                segments=measured.sms.segments,
                price=measured.price(house.settings.sms_segment_price),
                spoken=renderings.spoken_question(question, measured.language) if in_calls else None,
                seconds=round(measured.seconds, 1) if in_calls else None,
            )
        )
    return RenderingsOut(currency=house.settings.sms_currency, renderings=found)


@router.post("/questionnaires", status_code=201, operation_id="draftQuestionnaire")
def draft_questionnaire(
    body: QuestionnaireBody, house: HouseDep, now: Now, me: SurveysWriter, once: OnceDep
) -> QuestionnaireDetail:
    """Save a new version as a draft. A definition with faults is refused with the place of each."""
    with house.sessions.begin() as session:
        return once.run(
            session,
            me,
            lambda: QuestionnaireDetail.model_validate(
                questionnaires.save_draft(
                    session, key=body.key, definition=body.definition, now=now, author_id=me.agent_id
                )
            ),
            now=now,
        )


@router.post("/questionnaires/{questionnaire_id}/publish", operation_id="publishQuestionnaire")
def publish_questionnaire(questionnaire_id: PathId, house: HouseDep, now: Now, me: SurveysWriter) -> QuestionnaireOut:
    """Put a draft into force; responses under way keep the version they began with."""
    with house.sessions.begin() as session:
        return QuestionnaireOut.model_validate(
            questionnaires.publish(session, questionnaire_id=questionnaire_id, now=now, actor_id=me.agent_id)
        )
