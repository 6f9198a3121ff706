"""Every version of every questionnaire: looked at, put into force, taken out and brought in as XLSForm."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response, UploadFile

from callback.db.tables import Questionnaire
from callback.domain.account import Scope
from callback.domain.document import Problem
from callback.domain.words import VersionState
from callback.services import questionnaires
from callback.services.contents import sentence
from callback.services.xlsform import RowProblem, read_form, write_form
from callback.services.xlsform.reading import MOST_BYTES
from callback.texts import Language
from callback.web.desk import Desk, at_desk
from callback.web.questionnaires.shown import shown, words

router = APIRouter(prefix="/setup/questionnaires")
Reader = Annotated[Desk, Depends(at_desk(Scope.SURVEYS_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.SURVEYS_WRITE))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("")
def index(desk: Reader) -> Response:
    with desk.reading() as session:
        rows = questionnaires.versions(session)
        groups: dict[str, list[Questionnaire]] = {}
        for row in rows:
            groups.setdefault(row.key, []).append(row)
        return desk.page("questionnaires/list.html", groups=groups, title_of=_title, may_write=_may_write(desk))


@router.get("/{questionnaire_id}")
def version(questionnaire_id: Id, desk: Reader, lang: str = "") -> Response:
    """One version: every question in all four renderings."""
    shown_in: Language = "zh" if lang == "zh" else "en" if lang == "en" else desk.language
    with desk.reading() as session:
        row = questionnaires.find_questionnaire(session, questionnaire_id)
        others = questionnaires.versions(session, key=row.key)
    return desk.page(
        "questionnaires/version.html",
        row=row,
        others=others,
        title=_title(row, desk.language),
        shown_in=shown_in,
        questions=shown(desk, questionnaires.check(row.definition), shown_in),
        may_write=_may_write(desk),
        **words(),
    )


@router.get("/{questionnaire_id}/xlsform")
def download(questionnaire_id: Id, desk: Reader) -> Response:
    with desk.reading() as session:
        row = questionnaires.find_questionnaire(session, questionnaire_id)
        content = write_form(row.key, row.definition, version=row.version)
    name = f"{row.key}-{row.version}.xlsx"
    return Response(content, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/{questionnaire_id}/publish")
def publish(questionnaire_id: Id, desk: Writer) -> Response:
    """Put a draft into force; the notice's undo puts the version before it into force again, as a new version."""
    with desk.begin() as session:
        row = questionnaires.find_questionnaire(session, questionnaire_id)
        before = next((old for old in questionnaires.versions(session, key=row.key) if _in_force(old)), None)
        row = questionnaires.publish(session, questionnaire_id=row.id, now=desk.now, actor_id=desk.me.agent_id)
    undo = f"/setup/questionnaires/{before.id}/restore" if before is not None else None
    return desk.go(
        f"/setup/questionnaires/{row.id}", said="questionnaires_desk.published", undo=undo, version=row.version
    )


@router.post("/{questionnaire_id}/restore")
def restore(questionnaire_id: Id, desk: Writer) -> Response:
    """An earlier version in force again: a new version with its content, because a version never changes."""
    with desk.begin() as session:
        old = questionnaires.find_questionnaire(session, questionnaire_id)
        draft = questionnaires.save_draft(
            session, key=old.key, definition=old.definition, now=desk.now, author_id=desk.me.agent_id
        )
        questionnaires.publish(session, questionnaire_id=draft.id, now=desk.now, actor_id=desk.me.agent_id)
    return desk.go(
        f"/setup/questionnaires/{draft.id}", said="questionnaires_desk.restored", old=old.version, version=draft.version
    )


@router.post("/xlsform")
def upload(desk: Writer, file: UploadFile, key: Annotated[str, Form(max_length=64)] = "") -> Response:
    """Read a form: what cannot be asked, by row; or a new draft, which is shown before anything takes effect."""
    content = file.file.read(MOST_BYTES + 1)
    form = read_form(content)
    if form.definition is None:
        return desk.fragment(
            "questionnaires/upload.html", form=form, told=lambda one: _told(desk, one), file_name=file.filename or ""
        )
    with desk.begin() as session:
        row = questionnaires.save_draft(
            session,
            key=key or form.key,
            definition=form.definition,
            now=desk.now,
            author_id=desk.me.agent_id,
        )
    said = "questionnaires_desk.read_in_part" if form.left_out else "questionnaires_desk.read"
    return desk.go(f"/setup/questionnaires/{row.id}", said=said, version=row.version, count=len(form.left_out))


def _told(desk: Desk, problem: RowProblem) -> str:
    return sentence(Problem(problem.column, problem.code, problem.params), desk.language)


def _title(row: Questionnaire, language: Language) -> str:
    title = row.definition.get("title", {})
    return str(title.get("zh-cn" if language == "zh" else "default", row.key))


def _in_force(row: Questionnaire) -> bool:
    return row.state is VersionState.PUBLISHED


def _may_write(desk: Desk) -> bool:
    return Scope.SURVEYS_WRITE in desk.me.scopes
