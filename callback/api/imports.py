"""Case files sent to the server: small ones; large ones are imported by the command."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, UploadFile
from pydantic import BaseModel

from callback.domain.account import Scope
from callback.entrance import HouseDep, LanguageDep, Principal, caller
from callback.services.imports.normalise import Reject
from callback.services.imports.profile import builtin_profile, read_profile
from callback.services.imports.rejects import what_to_do
from callback.services.imports.run import Order, import_file

router = APIRouter(tags=["imports"])
Importer = Annotated[Principal, Depends(caller(Scope.IMPORTS_WRITE))]
_SHOWN = 200
"""Rejected rows that the answer lists."""


class RejectedRow(BaseModel):
    row: int
    column: str
    code: str
    what_to_do: str


class ImportOut(BaseModel):
    file: str
    profile: str
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    dissatisfactions: int
    needs_data: int
    resumed_at: int
    dry_run: bool
    rejects: list[RejectedRow]
    """The first 200."""


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix in {".csv", ".xlsx", ".xlsm", ".jsonl", ".ndjson"} else ".csv"


@router.post("/imports", operation_id="importFile")
def import_upload(
    house: HouseDep,
    me: Importer,
    language: LanguageDep,
    file: Annotated[UploadFile, File(description="CSV, XLSX or JSON Lines.")],
    profile: Annotated[str, Form(max_length=64, description="A built-in profile.")] = "callback",
    profile_toml: Annotated[str | None, Form(max_length=100_000, description="A profile of your own, as TOML.")] = None,
    dry_run: Annotated[bool, Form()] = False,
) -> ImportOut:
    """Import a file. The same file again changes nothing, so a repeated request is harmless."""
    chosen = read_profile(profile_toml, name="profile_toml") if profile_toml else builtin_profile(profile)
    name = Path(file.filename or "upload").name[:200]
    with tempfile.TemporaryDirectory(prefix="callback-import-") as folder:
        # The name decides the format alone; what the sender wrote never becomes a path.
        path = Path(folder) / ("upload" + _suffix(name))
        with path.open("wb") as copy:
            shutil.copyfileobj(file.file, copy)
        rejected: list[RejectedRow] = []

        def keep(rejects: list[Reject]) -> None:
            room = _SHOWN - len(rejected)
            rejected.extend(
                RejectedRow(row=r.row, column=r.column, code=r.code, what_to_do=what_to_do(r, language))
                for r in rejects[:room]
            )

        order = Order(
            path=path, profile=chosen, language=language, dry_run=dry_run, by=me.agent_id, file_name=name, beside=False
        )
        summary = import_file(house.sessions, house.settings, order, clock=house.clock, on_rejects=keep)
    return ImportOut(rejects=rejected, **{k: v for k, v in summary.as_json().items() if k in ImportOut.model_fields})
