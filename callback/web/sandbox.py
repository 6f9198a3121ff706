"""`/sandbox`: who tries the product out answers as the customer: messages, an automatic call, a letter with a link."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response

from callback.domain.account import Scope
from callback.domain.handle import new_handle
from callback.domain.words import Channel, Role
from callback.errors import Conflict
from callback.services import sandbox
from callback.services.automatic_calls import Heard
from callback.texts import Language
from callback.web.desk import Desk, at_desk, templates
from callback.web.typed import Handle, LongWords, PathId

router = APIRouter(include_in_schema=False)
Tester = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
_LINK = re.compile(r"https?://[^\s/]+(/s/[A-Za-z0-9_-]+)")


@router.get("/sandbox")
def outbox(desk: Tester) -> Response:
    """The telephone on which something happened last, or how to begin."""
    return _page(desk, None)


@router.get("/sandbox/{customer_id}")
def one_telephone(desk: Tester, customer_id: PathId) -> Response:
    return _page(desk, customer_id)


@router.get("/sandbox/{customer_id}/live")
def live(desk: Tester, customer_id: PathId) -> Response:
    """What changes by itself: the page asks for it every other second."""
    with desk.reading() as session:
        seen = sandbox.telephone(session, customer_id, language=desk.language)
        listed = sandbox.threads(session)
        waits = sandbox.waiting(session, channels=_channels(desk), now=desk.now)
    return desk.fragment("sandbox/live.html", telephone=seen, threads=listed, waits=waits, channels=_channels(desk))


@router.post("/sandbox/invite")
def invite(desk: Tester, channel: Annotated[Channel, Form()], spoken: Annotated[Language, Form()] = "en") -> Response:
    """An invented customer whose survey leaves at once, whatever the hour is here."""
    way = desk.house.channels.get(channel)
    if way is None or way.is_real:
        raise Conflict("sandbox_channel_missing", channel=desk.say(f"channel.{channel.value}"))
    with desk.begin() as session:
        customer = sandbox.invite(
            session, way=way, settings=desk.house.settings, language=spoken, by=desk.me.agent_id, now=desk.now
        )
        address = f"/sandbox/{customer.id}"
    return desk.go(address, said="sandbox_desk.invited")


@router.post("/sandbox/{customer_id}/messages")
def write(
    desk: Tester, customer_id: PathId, text: LongWords = "", once: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Write back as the customer. `once` comes from the page: the same click again is one message."""
    if text:
        with desk.begin() as session:
            sandbox.write(
                session,
                handle=sandbox.newest_message(session, customer_id),
                text=text,
                settings=desk.house.settings,
                now=desk.now,
                once=once or None,
            )
    return desk.fragment("sandbox/once.html", once=new_handle())


@router.post("/sandbox/calls/{handle}")
def press(
    desk: Tester,
    handle: Handle,
    digits: Annotated[str, Form(pattern=r"^[0-9*#]{0,16}$")] = "",
    speech: LongWords = "",
    step: Annotated[str, Form(max_length=64)] = "",
    tries: Annotated[int, Form(ge=0, le=99)] = 0,
    since: Annotated[int, Form(ge=0, le=2**40)] = 0,
    machine: Annotated[bool, Form()] = False,
) -> Response:
    """Take the call, press a key, say something, or let the answering machine take it."""
    heard = Heard(
        step=step,
        tries=tries,
        since=since,
        digits=digits,
        speech=speech,
        answered_by="machine_start" if machine else "human",
    )
    with desk.begin() as session:
        turn = sandbox.take_call(session, handle=handle, heard=heard, settings=desk.house.settings, now=desk.now)
    template = "sandbox/turn.html" if step else "sandbox/call.html"
    return desk.fragment(template, turn=turn, handle=handle, said=None, heard=digits or speech)


@router.post("/sandbox/calls/{handle}/hang-up")
def hang_up(desk: Tester, handle: Handle) -> Response:
    """Put the receiver down; before anybody took the call it was not answered."""
    with desk.begin() as session:
        sandbox.hang_up(session, handle=handle, now=desk.now)
    return desk.fragment("sandbox/no_call.html")


def _page(desk: Desk, customer_id: int | None) -> Response:
    channels = _channels(desk)
    if not channels:
        return desk.page("sandbox/off.html", configured=sorted(way.name for way in desk.house.channels.values()))
    with desk.reading() as session:
        listed = sandbox.threads(session)
        chosen = customer_id if customer_id is not None else (listed[0].customer_id if listed else None)
        seen = None if chosen is None else sandbox.telephone(session, chosen, language=desk.language)
        waits = sandbox.waiting(session, channels=channels, now=desk.now)
    return desk.page(
        "sandbox/page.html",
        telephone=seen,
        threads=listed,
        waits=waits,
        channels=channels,
        once=new_handle(),
        may_invite=not desk.house.settings.has_real_carrier,
    )


def _channels(desk: Desk) -> tuple[Channel, ...]:
    """The ways out that are sandboxes, in one order."""
    ways = desk.house.channels
    return tuple(channel for channel in Channel if channel in ways and not ways[channel].is_real)


def with_links(text: str) -> list[tuple[str, str | None]]:
    """The text in pieces; a link to a survey page has its address on this site, whatever the public one is."""
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for found in _LINK.finditer(text):
        pieces += [(text[end : found.start()], None), (found[0], found[1])]
        end = found.end()
    return [*pieces, (text[end:], None)]


templates.filters["with_links"] = with_links
