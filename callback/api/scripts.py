"""Call scripts: versions, drafts, what they look like, and putting one into force."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field, StringConstraints
from sqlalchemy import select

from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import Body, Out, PathId
from callback.db.engine import reading
from callback.db.tables import Script
from callback.domain.account import Scope
from callback.domain.script import Stage
from callback.domain.words import Purpose, VersionState
from callback.entrance import HouseDep, LanguageDep, Now, Principal, caller
from callback.services import scripts
from callback.texts import Language, say

router = APIRouter(tags=["scripts"])

ScriptsReader = Annotated[Principal, Depends(caller(Scope.SCRIPTS_READ))]
ScriptsWriter = Annotated[Principal, Depends(caller(Scope.SCRIPTS_WRITE))]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class ScriptOut(Out):
    """One version."""

    id: int
    key: str
    language: str
    version: int
    state: VersionState
    purposes: list[str]
    created_at: datetime
    created_by_id: int | None


class ScriptDetail(ScriptOut):
    definition: dict[str, Any]


class ScriptBody(Body):
    """A new draft. `definition` is checked as a whole; a fault names its place in `problems`."""

    key: Key
    language: Language
    purposes: Annotated[list[Purpose], Field(max_length=len(Purpose))]
    definition: dict[str, Any]


class ChoiceOut(Out):
    key: str
    label: str
    goto: str


class NodeOut(Out):
    node: str
    stage: Stage
    stage_name: str
    say: str
    note: str
    choices: list[ChoiceOut]


class PreviewOut(Out):
    key: str
    version: int
    language: Language
    title: str
    begin: str
    nodes: list[NodeOut]


@router.get("/scripts", operation_id="listScripts")
def list_scripts(
    house: HouseDep,
    me: ScriptsReader,
    page: PageDep,
    key: Annotated[str | None, Query(max_length=64)] = None,
    language: Language | None = None,
) -> Page[ScriptOut]:
    """Every version by key, language and version."""
    query = select(Script)
    if key is not None:
        query = query.where(Script.key == key)
    if language is not None:
        query = query.where(Script.language == language)
    with reading(house.sessions) as session:
        return page.select(
            session,
            query,
            ScriptOut.model_validate,
            kind="scripts",
            order=(Script.key, Script.language, Script.version),
        )


@router.get("/scripts/{script_id}", operation_id="readScript")
def read_script(script_id: PathId, house: HouseDep, me: ScriptsReader) -> ScriptDetail:
    """One version with its definition."""
    with reading(house.sessions) as session:
        return ScriptDetail.model_validate(scripts.find_script(session, script_id))


@router.get("/scripts/{script_id}/preview", operation_id="previewScript")
def preview_script(script_id: PathId, house: HouseDep, me: ScriptsReader, language: LanguageDep) -> PreviewOut:
    """A version filled with example values, as it will be read out."""
    with reading(house.sessions) as session:
        made = scripts.preview(session, script_id, settings=house.settings)
    return PreviewOut(
        key=made.key,
        version=made.version,
        language=made.language,
        title=made.script.title,
        begin=made.script.begin,
        nodes=[
            NodeOut(
                node=node.node,
                stage=node.stage,
                stage_name=say(f"script.stage.{node.stage}", language),
                say=node.say,
                note=node.note,
                choices=[ChoiceOut.model_validate(choice) for choice in node.choices],
            )
            for node in made.nodes.values()
        ],
    )


@router.post("/scripts", status_code=201, operation_id="draftScript")
def draft_script(body: ScriptBody, house: HouseDep, now: Now, me: ScriptsWriter, once: OnceDep) -> ScriptDetail:
    """Save a new version as a draft. A definition with faults is refused with the place of each."""
    with house.sessions.begin() as session:
        return once.run(
            session,
            me,
            lambda: ScriptDetail.model_validate(
                scripts.save_draft(
                    session,
                    key=body.key,
                    language=body.language,
                    purposes=body.purposes,
                    definition=body.definition,
                    now=now,
                    author_id=me.agent_id,
                )
            ),
            now=now,
        )


@router.post("/scripts/{script_id}/publish", operation_id="publishScript")
def publish_script(script_id: PathId, house: HouseDep, now: Now, me: ScriptsWriter) -> ScriptOut:
    """Put a draft into force; calls under way keep the version they began with."""
    with house.sessions.begin() as session:
        return ScriptOut.model_validate(scripts.publish(session, script_id=script_id, now=now, actor_id=me.agent_id))
