"""Every version of every script: looked at with example values, put into force, and back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from sqlalchemy.orm import Session

from callback.db.tables import Script
from callback.domain.account import Scope
from callback.domain.words import Purpose, VersionState
from callback.services import scripts
from callback.texts import Language
from callback.web.desk import Desk, at_desk

router = APIRouter(prefix="/setup/scripts")
Reader = Annotated[Desk, Depends(at_desk(Scope.SCRIPTS_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.SCRIPTS_WRITE))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("")
def index(desk: Reader) -> Response:
    """By script and language, the version in force first, then newer drafts and what was in force before."""
    with desk.reading() as session:
        groups: dict[str, dict[str, list[Script]]] = {}
        for row in scripts.versions(session):
            groups.setdefault(row.key, {}).setdefault(row.language, []).append(row)
    return desk.page("scripts/list.html", groups=groups, may_write=Scope.SCRIPTS_WRITE in desk.me.scopes)


@router.get("/{script_id}")
def version(script_id: Id, desk: Reader) -> Response:
    with desk.reading() as session:
        row = scripts.find_script(session, script_id)
        others = scripts.versions(session, key=row.key, language=row.language)
        prepared = scripts.example(row, settings=desk.house.settings)
    return desk.page(
        "scripts/version.html",
        row=row,
        others=others,
        prepared=prepared,
        may_write=Scope.SCRIPTS_WRITE in desk.me.scopes,
    )


@router.post("/{script_id}/publish")
def publish(script_id: Id, desk: Writer) -> Response:
    """Put a draft into force. Calls under way keep theirs; undo puts the version before it into force again."""
    with desk.begin() as session:
        row = scripts.find_script(session, script_id)
        before = next((old for old in _same(session, row) if old.state is VersionState.PUBLISHED), None)
        row = scripts.publish(session, script_id=row.id, now=desk.now, actor_id=desk.me.agent_id)
    undo = f"/setup/scripts/{before.id}/restore" if before is not None else None
    return desk.go(f"/setup/scripts/{row.id}", said="scripts_desk.published", undo=undo, version=row.version)


@router.post("/{script_id}/restore")
def restore(script_id: Id, desk: Writer) -> Response:
    """An earlier version in force again: a new version with its content, because a version never changes."""
    with desk.begin() as session:
        old = scripts.find_script(session, script_id)
        language: Language = "zh" if old.language == "zh" else "en"
        draft = scripts.save_draft(
            session,
            key=old.key,
            language=language,
            purposes=[Purpose(name) for name in old.purposes],
            definition=old.definition,
            now=desk.now,
            author_id=desk.me.agent_id,
        )
        scripts.publish(session, script_id=draft.id, now=desk.now, actor_id=desk.me.agent_id)
    return desk.go(f"/setup/scripts/{draft.id}", said="scripts_desk.restored", old=old.version, version=draft.version)


def _same(session: Session, row: Script) -> list[Script]:
    return list(scripts.versions(session, key=row.key, language=row.language))
