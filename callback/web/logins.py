"""`/login`: the one page that nobody needs to be logged in for. Also the way out, the language, and the front door."""

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from callback.bootstrap import House
from callback.domain.account import Scope
from callback.entrance import (
    HouseDep,
    Now,
    address_parts,
    check_same_origin,
    clear_session_cookie,
    client_address,
    cookie_name,
    csrf_masked,
    language_wanted,
    set_session_cookie,
)
from callback.errors import CallbackError, Throttled, Unauthenticated
from callback.services import accounts
from callback.texts import Language
from callback.web.desk import Desk, at_desk, reader, remember_language, templates

router = APIRouter(include_in_schema=False)
Inside = Annotated[Desk, Depends(at_desk(Scope.ME))]


@router.get("/")
def front_door(desk: Inside) -> Response:
    """Agents come to their day, supervisors to the board."""
    return RedirectResponse("/board" if desk.me.supervises else "/day", status_code=303)


@router.get("/login")
def login_page(request: Request, house: HouseDep, next: str = "/") -> Response:
    return _page(request, house, onwards=_inside(next))


@router.post("/login")
def log_in(
    request: Request,
    house: HouseDep,
    now: Now,
    login: Annotated[str, Form(max_length=120)] = "",
    password: Annotated[str, Form(max_length=1_000)] = "",
    onwards: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    """The session's cookie and the next page. A page that was logged out in the middle asks in JSON and stays."""
    check_same_origin(request, house.settings)
    stays = "application/json" in request.headers.get("accept", "")
    try:
        new = accounts.log_in(
            house.sessions,
            login=login,
            password=password,
            address=client_address(request),
            now=now,
            lifetime=timedelta(hours=house.settings.session_hours),
            replaces=request.cookies.get(cookie_name(house.settings)),
        )
    except (Unauthenticated, Throttled) as error:
        if stays:
            raise
        return _page(request, house, onwards=_inside(onwards), login=login, error=error)
    response: Response
    if stays:
        response = JSONResponse({"csrf": csrf_masked(new.secret)}, headers={"Cache-Control": "no-store"})
    else:
        response = RedirectResponse(_inside(onwards), status_code=303)
    set_session_cookie(response, house.settings, new.secret)
    return response


@router.post("/logout")
def log_out(desk: Inside) -> Response:
    with desk.begin() as session:
        accounts.log_out(session, desk.request.cookies.get(cookie_name(desk.house.settings), ""), now=desk.now)
    response = desk.go("/login")
    clear_session_cookie(response, desk.house.settings)
    return response


@router.post("/language")
def choose_language(
    request: Request, house: HouseDep, language: Annotated[Literal["zh", "en"], Form()] = "en"
) -> Response:
    """Changes nothing but how pages are written to this browser, so it asks for no session."""
    check_same_origin(request, house.settings)
    back = address_parts(request.headers.get("referer", ""))
    path = (back.path or "/") + (f"?{back.query}" if back.query else "")
    response = RedirectResponse(_inside(path), status_code=303)
    remember_language(response, language, secure=house.settings.secure_cookies)
    return response


def _page(
    request: Request, house: House, *, onwards: str, login: str = "", error: CallbackError | None = None
) -> Response:
    language = _language(request, house)
    text = templates.get_template("desk/login.html").render(
        onwards=onwards,
        login=login,
        error=error,
        company=house.settings.house_names(language)["company"],
        **reader(language, ZoneInfo(house.settings.time_zone), house.clock()),
    )
    headers = {"Content-Language": "zh-CN" if language == "zh" else "en", "Cache-Control": "no-store"}
    if isinstance(error, Throttled):
        headers["Retry-After"] = str(error.params["retry_after"])
    return HTMLResponse(text, status_code=error.status if error else 200, headers=headers)


def _language(request: Request, house: House) -> Language:
    return language_wanted(request, house.settings.language)


def _inside(address: str) -> str:
    """An address of this site, or the front door: a link must not send anybody elsewhere after the log-in."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or not address.startswith("/") or address[1:2] in ("/", "\\"):
        return "/"
    return address
