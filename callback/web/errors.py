"""Errors on pages: the API's own problem document, shown to a person instead of handed to a program."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from callback.bootstrap import House
from callback.entrance import address_parts, language_wanted
from callback.texts import Language, say
from callback.web.desk import reader, templates

Handler = Callable[[Request, Any], Awaitable[Response]]
FOR_PEOPLE = frozenset({"body_too_large", "invalid_request", "scope_missing"})
"""Told to a program with names of members and scopes; to a person as `desk.error.<code>`."""
_ONE_OF = frozenset({"enum", "literal_error", "bool_parsing", "bool_type"})
"""What a program is told in its own words of the API: a person chooses by others."""
_MACHINES = ("/api/", "/healthz", "/readyz", "/metrics", "/problems/", "/static/")
LOGGED_OUT = frozenset({"not_logged_in", "session_not_valid"})


def install(app: FastAPI) -> None:
    """Let every error handler that is there answer pages with a page."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _for_people(handler)  # type: ignore[arg-type]


def _for_people(handler: Handler) -> Handler:
    async def answer(request: Request, error: Any) -> Response:
        return present(request, await handler(request, error))

    return answer


def present(request: Request, response: Response) -> Response:
    """The problem document as who asked can read it: programs as it is, people as a page."""
    if request.url.path.startswith(_MACHINES) or "application/json" in request.headers.get("accept", ""):
        return response
    return page_of(request, response)


def page_of(request: Request, response: Response) -> Response:
    """The problem document as a page; as a notice on the present page when htmx asked; to the log-in when nobody is in.

    Whoever was logged out in the middle of something keeps their page: it asks for the password on the spot.
    """
    problem = json.loads(bytes(response.body))
    is_htmx = "hx-request" in request.headers
    if problem["code"] in LOGGED_OUT:
        if is_htmx:
            return Response(status_code=401, headers={"HX-Trigger": "desk:logged-out", "HX-Reswap": "none"})
        return Response(status_code=303, headers={"Location": f"/login?next={quote(_address(request))}"})
    house: House = request.app.state.house
    language = _language(request, house)
    if problem["code"] in FOR_PEOPLE:
        problem["detail"] = say(f"desk.error.{problem['code']}", language)
    problem["errors"] = [_told(error, language) for error in problem.get("errors", ())]
    text = templates.get_template("desk/problem_notice.html" if is_htmx else "desk/problem.html").render(
        problem={"refusals": (), "next_legal_moment": None, **problem},
        moment_of=datetime.fromisoformat,
        **reader(language, ZoneInfo(_zone(request, house)), house.clock()),
    )
    headers = {"Content-Language": "zh-CN" if language == "zh" else "en", "Cache-Control": "no-store"}
    if is_htmx:
        headers |= {"HX-Retarget": "#problem", "HX-Reswap": "innerHTML"}
    for name in ("Retry-After",):
        if name in response.headers:
            headers[name] = response.headers[name]
    return HTMLResponse(text, status_code=response.status_code, headers=headers)


def _told(error: Mapping[str, Any], language: Language) -> Mapping[str, Any]:
    by_person = {"detail": say("desk.fault_choose", language)} if error["code"] in _ONE_OF else {}
    return {"field": _field(error), **error, **by_person}


def _field(error: Mapping[str, Any]) -> str:
    """The name of the input that an error is about; the page knows its label."""
    return str(error.get("name") or error.get("pointer", "")).rpartition("/")[2]


def _zone(request: Request, house: House) -> str:
    """The person's own, once it is known who it is."""
    own: str = getattr(request.state, "time_zone", house.settings.time_zone)
    return own


def _address(request: Request) -> str:
    """Where the reader wanted to go; of a change, the page it was sent from."""
    if request.method == "GET":
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return address_parts(request.headers.get("referer", "")).path or "/"


def _language(request: Request, house: House) -> Language:
    own: Language = getattr(request.state, "language", house.settings.language)
    return language_wanted(request, own)
