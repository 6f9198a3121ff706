"""`/suppressions`: who is not to be contacted, with the evidence of each entry; by hand, from a list, taken back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Response, UploadFile
from fastapi import Path as PathParam
from pydantic import BeforeValidator

from callback.db import suppressions as rows
from callback.db.tables import Suppression
from callback.domain.account import Scope
from callback.domain.address import mask
from callback.domain.words import Role, SuppressionScope
from callback.errors import Invalid
from callback.services import contacts, do_not_call, suppressions
from callback.services.imports.tables import on_disk
from callback.web.desk import Desk, at_desk, csv_file
from callback.web.typed import Before, Line, PathId, Sought, Words, blank_is_none

router = APIRouter(include_in_schema=False)
LEADERS = (Role.SUPERVISOR, Role.ADMINISTRATOR)
Reader = Annotated[Desk, Depends(at_desk(Scope.CUSTOMERS_READ, *LEADERS))]
Writer = Annotated[Desk, Depends(at_desk(Scope.CUSTOMERS_WRITE, *LEADERS))]
ListFile = Annotated[UploadFile | None, File()]
PAGE = 50
REASONS = (
    suppressions.OPT_OUT_WORD,
    suppressions.OPT_OUT_SENTENCE,
    suppressions.OPT_OUT_CALL,
    suppressions.OPT_OUT_PAGE,
    suppressions.OPT_OUT_CARRIER,
    suppressions.DO_NOT_CALL,
    suppressions.BY_HAND,
    "cannot_receive",
    "page_not_the_person",
)


@router.get("/suppressions")
def list_suppressions(
    desk: Reader,
    sought: Sought = "",
    scope: Annotated[SuppressionScope | None, BeforeValidator(blank_is_none), Query()] = None,
    reason: Sought = "",
    lifted: Annotated[bool | None, BeforeValidator(blank_is_none), Query()] = False,
    before: Before = None,
) -> Response:
    address, name = _sought(desk, sought)
    with desk.reading() as session:
        found, onwards = rows.page(
            session,
            address=address,
            name=name,
            scope=scope,
            reason=reason or None,
            lifted=lifted,
            before=before,
            limit=PAGE,
        )
        customers, agents = rows.names(
            session,
            {entry.customer_id for entry in found if entry.customer_id is not None},
            {entry.created_by_id for entry in found if entry.created_by_id is not None},
        )
    return desk.page(
        "suppressions/page.html",
        entries=found,
        customers=customers,
        agents=agents,
        onwards=onwards,
        before=before,
        scopes=tuple(SuppressionScope),
        reasons=REASONS,
        filters={
            "sought": sought,
            "scope": scope.value if scope else "",
            "reason": reason,
            "lifted": "" if lifted is None else str(lifted).lower(),
        },
        mask=mask,
        why=lambda entry: _why(desk, entry),
    )


@router.post("/suppressions")
def add(
    desk: Writer,
    address: Line = "",
    words: Words = "",
    scope: Annotated[SuppressionScope, Form()] = SuppressionScope.ALL,
) -> Response:
    if not address:
        raise Invalid("suppression_nobody")
    kept = contacts.one_address(address, desk.house.settings.country)
    with desk.begin() as session:
        done = suppressions.suppress_by_hand(
            session, scope=scope, words=words, now=desk.now, by=desk.me.agent_id, address=kept
        )
        said = "suppressions_desk.added" if done.new else "suppressions_desk.present"
    return desk.go("/suppressions", said=said)


@router.post("/suppressions/{suppression_id}/lift")
def lift(desk: Writer, suppression_id: PathId, words: Words = "") -> Response:
    with desk.begin() as session:
        suppressions.lift(session, suppression_id=suppression_id, words=words, by=desk.me.agent_id, now=desk.now)
    return desk.go("/suppressions", said="suppressions_desk.lifted")


@router.get("/suppressions/import")
def import_page(desk: Writer) -> Response:
    return desk.page("suppressions/import.html", scopes=tuple(SuppressionScope))


@router.post("/suppressions/import/look")
def look(
    desk: Writer, file: ListFile = None, scope: Annotated[SuppressionScope, Form()] = SuppressionScope.ALL
) -> Response:
    """Go through the list and say what reading it in would do."""
    with _received(file) as (path, name), desk.reading() as session:
        seen = do_not_call.look(session, path, region=desk.house.settings.country, scope=scope, name=name)
    return desk.fragment("suppressions/look.html", look=seen, report=seen.report, done=False, hidden=_hidden)


@router.post("/suppressions/import")
def import_list(
    desk: Writer, file: ListFile = None, scope: Annotated[SuppressionScope, Form()] = SuppressionScope.ALL
) -> Response:
    with _received(file) as (path, name):
        report = do_not_call.import_list(
            desk.house.sessions,
            path,
            now=desk.now,
            region=desk.house.settings.country,
            scope=scope,
            name=name,
            by=desk.me.agent_id,
            language=desk.language,
        )
    return desk.fragment(
        "suppressions/look.html", look=None, report=report, done=True, hidden=_hidden, said="suppressions_desk.imported"
    )


@router.get("/suppressions/lists/{handle}/rejects")
def rejects(handle: Annotated[str, PathParam(max_length=64)], desk: Writer) -> Response:
    """The rows of a list that were refused, as the sender wrote them (numbers in full: taking it out is on record)."""
    with desk.begin() as session:
        name, content = do_not_call.rejects_of(session, handle, by=desk.me.agent_id, now=desk.now)
    return csv_file(content, name=f"{Path(name).stem}.rejects.csv")


@contextmanager
def _received(file: UploadFile | None) -> Iterator[tuple[Path, str]]:
    """The file on disk, as long as it is needed, and what it is called."""
    if file is None or not file.filename:
        raise Invalid("do_not_call_no_file")
    name = Path(file.filename.replace("\x00", "")).name[:200] or "list.csv"
    with on_disk(name, file.file.read()) as path:
        yield path, name


def _sought(desk: Desk, sought: str) -> tuple[str | None, str | None]:
    """A number or an e-mail address, else the beginning of a name. Raises `Invalid` for half a number."""
    if not sought:
        return None, None
    if "@" in sought or any(letter.isdecimal() for letter in sought):
        return contacts.one_address(sought, desk.house.settings.country), None
    return None, sought


def _hidden(value: str) -> str:
    """A rejected value, with the digits of what may be somebody's number left out."""
    return mask(value) if sum(letter.isdecimal() for letter in value) >= 7 else value


def _why(desk: Desk, entry: Suppression) -> str:
    known = entry.reason if entry.reason in REASONS else "other"
    return desk.say(f"suppressions_desk.reason.{known}")
