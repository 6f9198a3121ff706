"""`/setup/import`: a case file sent over the browser, told which column is what, tried out, read in, watched."""

import tempfile
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Response, UploadFile

from callback.db.tables import Upload
from callback.domain.account import Scope
from callback.domain.words import CaseKind, CaseStatus, Priority
from callback.services import uploads
from callback.services.imports.builtin import FIELDS
from callback.services.imports.guess import DATE_FORMATS, MOMENTS, SORTED
from callback.services.imports.profile import Profile
from callback.services.imports.template import write_template
from callback.services.imports.values import example_of
from callback.web.desk import Desk, at_desk, csv_file
from callback.web.documents import Fields, document

router = APIRouter(prefix="/setup/import", include_in_schema=False)
Importer = Annotated[Desk, Depends(at_desk(Scope.IMPORTS_WRITE))]
Handle = Annotated[str, Path(max_length=64)]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "case": ("external_id", "subject", "description", "status", "kind", "priority", "category", "product", "answer"),
    "times": (*MOMENTS,),
    "customer": (
        "name",
        "phone",
        "email",
        "salutation",
        "customer_id",
        "language",
        "country",
        "region",
        "time_zone",
        "special",
        "consents",
        "preferred_times",
        "forbidden_dates",
    ),
    "work": ("rating", "required_skill", "team", "handled_by"),
}
_MEANINGS = {"status": CaseStatus, "priority": Priority, "kind": CaseKind}


@router.get("")
def index(desk: Importer) -> Response:
    with desk.reading() as session:
        return desk.page("imports/list.html", uploads=uploads.recent(session))


@router.get("/template")
def template(desk: Importer) -> Response:
    """Our own template, in the reader's language."""
    with tempfile.TemporaryDirectory(prefix="callback-template-") as folder:
        path = FilePath(folder) / "callback.xlsx"
        write_template(path, desk.language)
        content = path.read_bytes()
    return Response(content, media_type=XLSX, headers={"Content-Disposition": 'attachment; filename="callback.xlsx"'})


@router.post("")
def receive(desk: Importer, file: UploadFile) -> Response:
    content = file.file.read(uploads.MOST_BYTES + 1)
    with desk.begin() as session:
        upload = uploads.receive(
            session, file_name=file.filename or "upload.csv", content=content, by=desk.me.agent_id, now=desk.now
        )
    return desk.go(f"/setup/import/{upload.handle}")


@router.get("/{handle}")
def show(handle: Handle, desk: Importer) -> Response:
    """Before it is read in: which column is what, with the first rows as they would be read. After: what came of it."""
    with desk.reading() as session:
        upload = uploads.find(session, handle, with_content=True)
        if upload.state != "open" or upload.content is None:
            return desk.page("imports/progress_page.html", upload=upload)
        guessed = uploads.first_guess(session, upload)
    values = {
        "columns": dict(guessed.columns),
        "date_formats": list(guessed.date_formats),
        **{field: dict(meanings) for field, meanings in guessed.values.items()},
    }
    return desk.page("imports/mapping.html", **_mapping(desk, upload, values))


@router.get("/{handle}/mapping")
def map_again(handle: Handle, desk: Importer) -> Response:
    """The same file told anew: after a try-out, or when something stopped it."""
    with desk.reading() as session:
        upload = uploads.find(session, handle, with_content=True)
    values = {**upload.profile, "columns": _first_of_each(upload.profile.get("columns", {}))}
    return desk.page("imports/mapping.html", **_mapping(desk, upload, values))


@router.post("/{handle}/preview")
def preview(handle: Handle, fields: Fields, desk: Importer) -> Response:
    with desk.reading() as session:
        upload = uploads.find(session, handle, with_content=True)
    values = values_of(document(fields))
    seen = uploads.values_seen(upload, values["columns"])
    # Another column was chosen for the status: what its texts mean is asked anew; else the lists stay as they are.
    anew = {field for field, texts in seen.items() if set(texts) != set(values["told"].get(field, ()))}
    values |= {field: texts | values[field] for field, texts in seen.items()} | {
        field: {} for field in SORTED if field not in seen
    }
    values |= {field: {t: m for t, m in values[field].items() if t in seen[field]} for field in seen}
    gone = set(values["told"]) - set(seen)
    return desk.fragment("imports/preview_answer.html", anew=bool(anew or gone), **_mapping(desk, upload, values))


@router.post("/{handle}/start")
def start(handle: Handle, fields: Fields, desk: Importer, act: Annotated[str, Form()] = "try") -> Response:
    profile = uploads.profile_of(_profile(values_of(document(fields))))
    with desk.begin() as session:
        uploads.start(
            session, handle=handle, profile=profile, dry_run=act != "read", language=desk.language,
            by=desk.me.agent_id, now=desk.now,
        )  # fmt: skip
    return desk.go(f"/setup/import/{handle}")


@router.get("/{handle}/progress")
def progress(handle: Handle, desk: Importer) -> Response:
    with desk.reading() as session:
        return desk.fragment("imports/progress.html", upload=uploads.find(session, handle))


@router.get("/{handle}/rejects")
def rejects(handle: Handle, desk: Importer) -> Response:
    """The rows that were refused, as the sender wrote them (numbers in full: taking it out is on record)."""
    with desk.begin() as session:
        upload = uploads.find(session, handle)
        content = uploads.rejects_of(session, handle, by=desk.me.agent_id, now=desk.now)
    return csv_file(content, name=f"{FilePath(upload.file_name).stem}.rejects.csv")


def values_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """What the form says, in the shape of a profile; empty choices are absent."""
    formats = form.get("date_formats") or []
    values: dict[str, Any] = {
        "columns": {field: name for field, name in _texts(form.get("columns")).items() if name and field in FIELDS},
        "date_formats": [formats] if isinstance(formats, str) else list(formats),
        "closing_implies_telling": form.get("closing_implies_telling") == "yes",
        "defaults": {name: value for name, value in _texts(form.get("defaults")).items() if value},
    }
    told: dict[str, list[str]] = {}
    for field in SORTED:
        listed = form.get(field)
        pairs = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        values[field] = {str(one["text"]): str(one["means"]) for one in pairs if one.get("means") and "text" in one}
        if pairs:
            told[field] = [str(one["text"]) for one in pairs if "text" in one]
    values["told"] = told
    for name in ("source", "time_zone", "language", "country"):
        if form.get(name):
            values[name] = form[name]
    return values


def _profile(values: Mapping[str, Any]) -> dict[str, Any]:
    columns = values["columns"]
    return {
        **{name: value for name, value in values.items() if name != "told"},
        **{field: {text: means for text, means in values.get(field, {}).items() if means} for field in SORTED},
        "name": "upload",
        "source": values.get("source", "upload"),
        "date_formats": values["date_formats"] or ["iso"],
        "optional": [field for field in columns if field not in ("external_id", "subject")],
        # What the page did not ask for is what most files mean.
        "defaults": {"status": "open", **values.get("defaults", {})},
    }


def _mapping(desk: Desk, upload: Upload, values: Mapping[str, Any]) -> dict[str, Any]:
    shown: uploads.Preview | None = None
    problem: str | None = None
    columns = values.get("columns", {})
    if not columns.get("external_id"):
        problem = desk.say("imports_desk.needs_number")
    elif not (columns.get("subject") or columns.get("description")):
        problem = desk.say("imports_desk.needs_subject")
    else:
        profile: Profile = uploads.profile_of(_profile({**values, "date_formats": values.get("date_formats", [])}))
        shown = uploads.preview(
            upload,
            profile,
            sessions=desk.house.sessions,
            settings=desk.house.settings,
            language=desk.language,
            now=desk.now,
        )
        if shown.problem is not None:
            problem = desk.say(f"error.{shown.problem.code}", **shown.problem.params)
    return {
        "upload": upload,
        "values": values,
        "groups": GROUPS,
        "sorted_fields": [field for field in SORTED if values.get(field)],
        "meanings": _MEANINGS,
        "date_formats": DATE_FORMATS,
        "example": example_of,
        "shown": shown,
        "problem": problem,
        "house": desk.house.settings,
    }


def _texts(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _first_of_each(columns: Mapping[str, Any]) -> dict[str, str]:
    return {field: names[0] if isinstance(names, list) else str(names) for field, names in columns.items()}
