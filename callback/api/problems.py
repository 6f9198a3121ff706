"""Problem details (RFC 9457): every error of the API in one shape, in the reader's language, with a stable code."""

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, StatementError
from starlette.exceptions import HTTPException

from callback.entrance import language_wanted
from callback.errors import CallbackError, NotFound
from callback.log import get_logger
from callback.services import wording
from callback.texts import Language, catalogue, say

MEDIA_TYPE = "application/problem+json"
Present = Callable[[Request, Response], Response]
"""Makes of a problem document what whoever asked can read."""
log = get_logger(__name__)

_HTTP_CODES: Mapping[int, str] = {
    400: "bad_request",
    401: "not_logged_in",
    403: "forbidden",
    404: "no_such_address",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "media_type_not_supported",
    422: "invalid_request",
    429: "too_many_requests",
    503: "unavailable",
}


def as_it_is(_request: Request, response: Response) -> Response:
    return response


def language_for(request: Request) -> Language:
    """What was chosen on a page, else `Accept-Language`, else the caller's own, else the house's."""
    return language_wanted(request, getattr(request.state, "language", request.app.state.house.settings.language))


def problem(
    request: Request,
    *,
    status: int,
    code: str,
    params: Mapping[str, object] | None = None,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One problem document. `params` fill the sentence `error.<code>` and are told as they are; `members` are extra."""
    language = language_for(request)
    params = params or {}
    document: dict[str, object] = {
        "type": f"/problems/{code}",
        "title": say(f"problem.title.{status}", language),
        "status": status,
        "detail": say(f"error.{code}", language, **params),
        "code": code,
        "request_id": getattr(request.state, "request_id", None),
    }
    if params:
        document["params"] = jsonable_encoder(params)
    for name, value in (members or {}).items():
        document.setdefault(name, jsonable_encoder(value))
    return JSONResponse(
        document,
        status_code=status,
        headers={"Content-Language": "zh-CN" if language == "zh" else "en", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


async def _on_callback_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CallbackError)  # noqa: S101  registered for this class alone
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="callback"'
    if "retry_after" in error.params:
        headers["Retry-After"] = str(error.params["retry_after"])
    params = wording.params_of(error, language_for(request))
    return problem(request, status=error.status, code=error.code, params=params, members=error.details, headers=headers)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    language = language_for(request)
    errors = [_one_error(each, language) for each in error.errors()]
    malformed = any(each["code"] == "json_invalid" for each in errors)
    return problem(
        request,
        status=400 if malformed else 422,
        code="json_malformed" if malformed else "invalid_request",
        members={"errors": errors},
    )


def _one_error(error: Mapping[str, Any], language: Language) -> dict[str, object]:
    """One field's error: where (a JSON pointer into the body, or the parameter's name) and what to do about it."""
    place, *path = error["loc"] or ("body",)
    code = str(error["type"])
    limits = {key: value for key, value in (error.get("ctx") or {}).items() if isinstance(value, str | int | float)}
    if code in ("too_long", "too_short") and isinstance(error.get("input"), str):
        code = f"string_{code}"  # of a text behind a validator pydantic says what it says of a list
    text = f"validation.{code}"
    if text not in catalogue(language):
        text = "validation.other"
        limits = {"what": str(error["msg"])}
    told: dict[str, object] = {"in": str(place), "code": code, "detail": say(text, language, **limits)}
    if place == "body":
        told["pointer"] = json_pointer(path)
    else:
        told["name"] = ".".join(str(part) for part in path)
    return told


def json_pointer(path: Sequence[object]) -> str:
    """RFC 6901, in the fragment form of RFC 9457's example: `("a", 0)` → `#/a/0`."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = _HTTP_CODES.get(error.status_code, "bad_request" if error.status_code < 500 else "internal_error")
    return problem(request, status=error.status_code, code=code, headers=dict(error.headers or {}))


async def _on_data_error(request: Request, error: Exception) -> Response:
    """The database cannot hold a value: the last net below the schemas, so that it is never a 500."""
    cause = getattr(error, "orig", error)
    if isinstance(error, DataError) or isinstance(cause, OverflowError | ValueError):
        log.warning("value refused by the database", error=type(cause).__name__)
        return problem(request, status=422, code="value_out_of_range")
    return await _on_anything(request, error)


async def _on_integrity_error(request: Request, error: Exception) -> Response:
    """A constraint held what a check before it let through: two were at it at once."""
    log.warning("constraint refused a write", error=str(getattr(error, "orig", error)).splitlines()[0])
    return problem(request, status=409, code="conflict_in_database")


async def _on_operational_error(request: Request, error: Exception) -> Response:
    log.error("database does not answer", exc_info=error)
    return problem(request, status=503, code="database_unavailable", headers={"Retry-After": "5"})


async def _on_anything(request: Request, error: Exception) -> Response:
    """Nothing of the error leaves the house but the request's id, which the log has too."""
    # Without the path, in which there may be the link of a customer; the line of the request has its template.
    log.error("unhandled error", exc_info=error)
    return problem(request, status=500, code="internal_error")


def install(app: FastAPI) -> None:
    app.add_exception_handler(CallbackError, _on_callback_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(IntegrityError, _on_integrity_error)
    app.add_exception_handler(OperationalError, _on_operational_error)
    app.add_exception_handler(StatementError, _on_data_error)
    app.add_exception_handler(OverflowError, _on_data_error)  # SQLite's driver, for an integer beyond 64 bits
    app.add_exception_handler(Exception, _on_anything)
    app.include_router(router)


router = APIRouter(tags=["problems"])


@router.get("/problems/{code}", include_in_schema=False)
async def explain_problem(code: str, request: Request) -> Response:
    """What the `type` of a problem document points at: what the code means and what to do."""
    language = language_for(request)
    sentence = catalogue(language).get(f"error.{code}")
    if sentence is None:
        raise NotFound("problem_not_known")
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"code": code, "detail": sentence})
    page = (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><meta charset="utf-8">'
        f"<title>{html.escape(code)}</title><h1>{html.escape(code)}</h1><p>{html.escape(sentence)}</p></html>"
    )
    return HTMLResponse(page)


PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "An error as RFC 9457 says. `code` is stable; `detail` is for people, in their language.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "An address that explains the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": ["string", "null"], "description": "Tell it when you ask for help; the log has it too."},
        "params": {"type": "object", "additionalProperties": True},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "code", "detail"],
                "properties": {
                    "in": {"type": "string"},
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "name": {"type": "string", "description": "Of the parameter."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "additionalProperties": True,
}


def problem_responses(statuses: Iterable[str] = ("4XX", "5XX")) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a router: every error is a problem document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    titles = {"4XX": "What was asked cannot be done; `detail` says what to do.", "5XX": "Our fault, or the database's."}
    return {
        status: {"description": titles.get(status) or HTTPStatus(int(status)).phrase, "content": content}
        for status in statuses
    }
