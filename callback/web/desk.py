"""What every page of the desks stands on: who is looking, in which language and zone, and how a page is made.

    @router.get("/day")
    def day(desk: Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_READ))]) -> Response:
        with desk.reading() as session:
            ...
        return desk.page("day/list.html", entries=entries)

Pages need a session (programs have the API). Changes are sent by htmx with the CSRF token in a header, and answered by
a fragment, or by `desk.go(path, said="code")`, which shows the next page with a word about what was done.
"""

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy.orm import Session

from callback.bootstrap import House
from callback.db.engine import reading
from callback.domain.account import Scope
from callback.domain.words import Role
from callback.entrance import LANGUAGE_CHOSEN, HouseDep, Now, Principal, caller, cookie_name, csrf_masked
from callback.services import wording
from callback.texts import Language, say
from callback.web import moments
from callback.web.assets import asset
from callback.web.menu import menu_of

LANGUAGE_COOKIE = LANGUAGE_CHOSEN
NOTICE_COOKIE = "callback_notice"
_YEAR = 365 * 24 * 3600

templates = Environment(
    loader=PackageLoader("callback.web"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
templates.globals["asset"] = asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One request of a person who is logged in."""

    request: Request
    house: House
    now: datetime
    me: Principal
    language: Language

    @property
    def zone(self) -> ZoneInfo:
        """The person's own: whatever is not said in the customer's zone is said in this one."""
        return ZoneInfo(self.me.time_zone)

    @property
    def is_htmx(self) -> bool:
        return "hx-request" in self.request.headers

    def reading(self) -> AbstractContextManager[Session]:
        return reading(self.house.sessions)

    def begin(self) -> AbstractContextManager[Session]:
        """A transaction; it commits before the answer is made."""
        return self.house.sessions.begin()

    def say(self, code: str, /, **params: object) -> str:
        return say(code, self.language, **params)

    def page(self, template: str, /, *, status: int = 200, **values: object) -> Response:
        """A whole page. A notice that an earlier request left is shown once."""
        notice = _read_notice(self.request)
        response = self._render(template, status=status, notice=notice, **values)
        if notice is not None:
            response.delete_cookie(NOTICE_COOKIE, path="/")
        return response

    def fragment(self, template: str, /, *, status: int = 200, said: str | None = None, **values: object) -> Response:
        """A part of a page, for htmx; `said` (a code) is announced as well, with `values["params"]`."""
        response = self._render(template, status=status, notice=None, **values)
        if said is not None:
            self.announce(response, said, **dict(values.get("params") or {}))  # type: ignore[call-overload]
        return response

    def announce(self, response: Response, code: str, /, *, undo: str | None = None, **params: object) -> None:
        """Let the page say that something was done; `undo` is the address to post to."""
        told = {"text": self.say(code, **params), "undo": undo}
        response.headers["HX-Trigger"] = json.dumps({"desk:notice": told})  # ASCII: headers hold nothing else

    def go(self, path: str, /, *, said: str | None = None, undo: str | None = None, **params: object) -> Response:
        """The next page, with a word about what was done on it."""
        if self.is_htmx:
            response = Response(status_code=204, headers={"HX-Redirect": path})
        else:
            response = Response(status_code=303, headers={"Location": path})
        if said is not None:
            told = json.dumps({"text": self.say(said, **params), "undo": undo}).encode()
            response.set_cookie(
                NOTICE_COOKIE, base64.urlsafe_b64encode(told).decode(), max_age=60, path="/", httponly=True,
                secure=self.house.settings.secure_cookies, samesite="lax",
            )  # fmt: skip
        return response

    def _render(self, template: str, *, status: int, notice: object, **values: object) -> HTMLResponse:
        text = templates.get_template(f"desk/{template}").render(
            desk=self,
            me=self.me,
            menu=menu_of(self.me),
            csrf=csrf_masked(self.request.cookies.get(cookie_name(self.house.settings), "")),
            notice=notice,
            **reader(self.language, self.zone, self.now),
            **values,
        )
        headers = {"Content-Language": "zh-CN" if self.language == "zh" else "en", "Cache-Control": "no-store"}
        return HTMLResponse(text, status_code=status, headers=headers)


def reader(language: Language, zone: ZoneInfo, now: datetime) -> Mapping[str, object]:
    """What a template needs to speak to one reader: `say`, and times in their zone or in a stated one."""

    def at(moment: datetime, in_zone: str | None = None) -> str:
        return moments.moment(moment, ZoneInfo(in_zone) if in_zone else zone, language, now=now)

    def clock(moment: datetime, in_zone: str | None = None) -> str:
        return moments.clock(moment, ZoneInfo(in_zone) if in_zone else zone)

    def weekday(moment: datetime | date, in_zone: str | None = None) -> str:
        return moments.weekday(moment, ZoneInfo(in_zone) if in_zone else zone, language)

    def zone_name(name: str) -> str:
        return moments.zone_name(ZoneInfo(name), now)

    def span(length: timedelta) -> str:
        return moments.span(length, language)

    return {
        "say": lambda code, **params: say(code, language, **params),
        "language": language,
        "html_lang": "zh-CN" if language == "zh" else "en",
        "now": now,
        "at": at,
        "clock": clock,
        "weekday": weekday,
        "zone_name": zone_name,
        "language_name": lambda code: wording.language_name(code, language),
        "country_name": lambda code: wording.country_name(code, language),
        "carrier_name": lambda name: wording.carrier_name(name, language),
        "span": span,
        # Of every countdown, to be filled in by the browser.
        "words_late": say("desk.late_by", language, span=say("desk.span_minutes", language, minutes="%s")),
        "words_left": say("desk.time_left", language, span="%s"),
    }


def remember_language(response: Response, language: Language, *, secure: bool) -> None:
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, path="/", secure=secure, samesite="lax")


def at_desk(scope: Scope, *roles: Role) -> Callable[..., Desk]:
    """`Depends(at_desk(Scope.CALLBACKS_READ))`: the declaration of who may open a page."""
    allowed = caller(scope, *roles, session_only=True)

    def desk(request: Request, house: HouseDep, now: Now, me: Annotated[Principal, Depends(allowed)]) -> Desk:
        return Desk(request=request, house=house, now=now, me=me, language=me.language)

    return desk


def csv_file(content: bytes, *, name: str) -> Response:
    """A file to be taken out, under any name; nothing on the way keeps a copy."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}
    return Response(content, media_type="text/csv", headers=headers)


def _read_notice(request: Request) -> Mapping[str, Any] | None:
    kept = request.cookies.get(NOTICE_COOKIE)
    if not kept:
        return None
    try:
        told = json.loads(base64.urlsafe_b64decode(kept))
    except ValueError:
        return None
    return told if isinstance(told, dict) and isinstance(told.get("text"), str) else None
