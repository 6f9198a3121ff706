"""`/s/{handle}`: the customer's own survey page. Plain forms, no script, nothing from anywhere else.

Not under `/api`: whoever has the link is the caller. Every answer is committed before the browser is sent on.
"""

import hashlib
from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape
from sqlalchemy.orm import Session

from callback.bootstrap import House
from callback.db.engine import reading
from callback.domain.rendering import keys
from callback.domain.survey import QuestionType
from callback.errors import Conflict
from callback.services import survey_pages
from callback.services.survey_pages import Page, Stage
from callback.texts import Language, language_of, say
from callback.web.throttle import Throttle

router = APIRouter(tags=["survey"], include_in_schema=False)

Handle = Annotated[str, Path(max_length=64)]
Text = Annotated[str, Form(max_length=10_000)]
Lang = Annotated[str, Query()]

VISITS = Throttle(burst=60, per_minute=60)
"""Requests of one network address: a household, or a whole mobile network behind one address."""
GUESSES = Throttle(burst=20, per_minute=10)
"""Links of one network address that do not exist."""
COOKIE_DAYS = 30

_CSS = resources.files("callback.web").joinpath("static/survey.css").read_bytes()
_CSS_VERSION = hashlib.sha256(_CSS).hexdigest()[:12]
_templates = Environment(
    loader=PackageLoader("callback.web"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}
_STATUS = {Stage.GONE: 404}


@router.get("/s/-/survey.css")
def style() -> Response:
    """Our own, so nobody else learns who answers."""
    return Response(_CSS, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"})


@router.get("/s/{handle}")
def show(
    request: Request,
    handle: Handle,
    lang: Lang = "",
    q: str = "",
) -> Response:
    """The page as it stands: who are you, the next question (or `q`, an earlier one), or thanks."""
    house: House = request.app.state.house
    if (late := _throttled(request)) is not None:
        return late
    with reading(house.sessions) as session:
        language = _language(request, session, handle, lang)
        page = survey_pages.look(
            session, handle, secret=_secret(request, handle), now=house.clock(), language=language, question=q or None
        )
    return _answer(request, handle, page)


@router.post("/s/{handle}")
def submit(
    request: Request,
    handle: Handle,
    lang: Lang = "",
    act: Annotated[str, Form(max_length=20)] = "answer",
    question: Annotated[str, Form(max_length=64)] = "",
    value: Text = "",
) -> Response:
    """What the person pressed. A page again at its own address follows, so that a reload sends nothing twice."""
    house: House = request.app.state.house
    if (late := _throttled(request)) is not None:
        return late
    with house.sessions.begin() as session:
        language = _language(request, session, handle, lang)
        outcome = _act(request, session, handle, act=act, question=question, value=value, language=language)
    if isinstance(outcome, Page):
        return _answer(request, handle, outcome) if outcome.invalid else _onwards(handle, lang)
    return outcome


@router.get("/s/{handle}/unsubscribe")
def before_unsubscribing(handle: Handle) -> Response:
    """Opened as a page, and by programs that look at links beforehand: nothing happens but that the page opens."""
    return RedirectResponse(f"/s/{handle}", status_code=303, headers=_HEADERS)


@router.post("/s/{handle}/unsubscribe")
def unsubscribe(request: Request, handle: Handle) -> Response:
    """The one click of a mail program (RFC 8058): without a cookie, and without asking again.

    Those of a whole mail provider come from a few addresses, and are not told again: only guesses are limited.
    """
    house: House = request.app.state.house
    with house.sessions.begin() as session:
        return _opt_out(request, session, handle, _language(request, session, handle, ""))


def _act(
    request: Request, session: Session, handle: str, *, act: str, question: str, value: str, language: Language
) -> Page | Response:
    house: House = request.app.state.house
    now = house.clock()
    if act == "confirm":
        secret = survey_pages.confirm(session, handle, now=now)
        response = _onwards(handle, request.query_params.get("lang", ""))
        if secret is not None:
            _remember(response, handle, secret, secure=house.settings.secure_cookies)
        return response
    if act == "not_me":
        survey_pages.not_me(session, handle, now=now)
        return _html(request, "notice.html", language, code="not_me")
    if act == "opt_out":
        return _opt_out(request, session, handle, language)
    try:
        return survey_pages.answer(
            session,
            handle,
            secret=_secret(request, handle),
            question=question,
            given="" if act == "skip" else value.replace("\x00", ""),
            now=now,
            language=language,
        )
    except Conflict:
        # Answered on another device in the meantime: the page shows where it stands now.
        return _onwards(handle, request.query_params.get("lang", ""))


def _opt_out(request: Request, session: Session, handle: str, language: Language) -> Response:
    """Confirmed only when it was kept: whoever has half a link must not believe that they have opted out."""
    if survey_pages.opt_out(session, handle, now=request.app.state.house.clock()):
        return _html(request, "notice.html", language, code="opted_out")
    return _answer(request, handle, Page(stage=Stage.GONE, language=language))


def _answer(request: Request, handle: str, page: Page) -> Response:
    if page.stage is Stage.GONE and (late := _throttled(request, guesses=True)) is not None:
        return late
    if page.stage in (Stage.CONFIRM, Stage.QUESTION):
        template = f"{page.stage}.html"
        return _html(request, template, page.language, page=page, handle=handle)
    code = "thanks_unhappy" if page.unhappy and page.stage is Stage.THANKS else page.stage.value
    return _html(request, "notice.html", page.language, status=_STATUS.get(page.stage, 200), code=code)


def _html(request: Request, template: str, language: Language, *, status: int = 200, **values: object) -> HTMLResponse:
    house: House = request.app.state.house
    other: Language = "en" if language == "zh" else "zh"
    text = _templates.get_template(f"survey/{template}").render(
        say=lambda code, **params: say(f"web.{code}", language, **params),
        language="zh-CN" if language == "zh" else "en",
        code_of_language=language,
        other=other,
        company=house.settings.house_names(language)["company"],
        css=f"/s/-/survey.css?v={_CSS_VERSION}",
        keys=keys,
        types=QuestionType,
        **values,
    )
    return HTMLResponse(text, status_code=status, headers={**_HEADERS, "Content-Language": language})


def _onwards(handle: str, lang: str) -> Response:
    """See other: the answer is committed, the next page is asked for."""
    query = f"?lang={lang}" if lang in ("zh", "en") else ""
    return RedirectResponse(f"/s/{handle}{query}", status_code=303, headers=_HEADERS)


def _language(request: Request, session: Session, handle: str, chosen: str) -> Language:
    """What the reader chose, else what the centre knows of the customer, else what the browser asks for."""
    if chosen in ("zh", "en"):
        return language_of(chosen)
    own = survey_pages.own_language(session, handle)
    return own or language_of(request.headers.get("accept-language"), request.app.state.house.settings.language)


def _throttled(request: Request, *, guesses: bool = False) -> Response | None:
    address = request.client.host if request.client else "unknown"
    wait = (GUESSES if guesses else VISITS).wait(address)
    if not wait:
        return None
    language = language_of(request.headers.get("accept-language"), request.app.state.house.settings.language)
    response = _html(request, "notice.html", language, status=429, code="too_often")
    response.headers["Retry-After"] = str(wait)
    return response


def _cookie(handle: str) -> str:
    """One for each link, named without telling the link."""
    return "survey_" + hashlib.sha256(handle.encode()).hexdigest()[:16]


def _secret(request: Request, handle: str) -> str | None:
    return request.cookies.get(_cookie(handle))


def _remember(response: Response, handle: str, secret: str, *, secure: bool) -> None:
    response.set_cookie(
        _cookie(handle),
        secret,
        max_age=COOKIE_DAYS * 86_400,
        path=f"/s/{handle}",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
