"""`Idempotency-Key` on what creates: asking twice is asking once.

    @router.post("/cases", status_code=201)
    def create_case(body: NewCase, house: HouseDep, me: ..., now: Now, once: OnceDep) -> CaseOut:
        with house.sessions.begin() as session:
            return once.run(session, me, lambda: CaseOut.model_validate(cases.create(session, ..., now=now)), now=now)

The key's row is written in the transaction of the effect: both are there or neither is. A replay answers with the
stored body and `Idempotency-Replayed: true`.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Header, Request, Response
from fastapi.encoders import jsonable_encoder
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from callback.db.engine import is_postgresql
from callback.db.tables import IdempotencyKey
from callback.entrance import Principal
from callback.errors import Conflict, Invalid

T = TypeVar("T")
_CHUNK = 1 << 20


class Once:
    """One request's key; without a key `run` simply runs."""

    def __init__(self, key: str | None, request_hash: str, response: Response) -> None:
        self.key = key
        self._request_hash = request_hash
        self._response = response

    def run(
        self,
        session: Session,
        me: Principal,
        make: Callable[[], T],
        *,
        now: datetime,
        hide: frozenset[str] = frozenset(),
    ) -> T:
        """The answer of `make()`, or the stored one of the first request with this key.

        `hide` names top-level members that are stored as null (a secret that is shown once). Raises `Invalid` (422) for
        a key that was used for another request, `Conflict` (409) while the first is still running.
        """
        if self.key is None:
            return make()
        self._take_turn(session, me.agent_id)
        row = session.scalar(
            select(IdempotencyKey).where(IdempotencyKey.agent_id == me.agent_id, IdempotencyKey.key == self.key)
        )
        if row is not None:
            return cast(T, self._replay(row))
        answer = make()
        body: Any = jsonable_encoder(answer)
        stored = {"answer": {k: None if k in hide else v for k, v in body.items()} if isinstance(body, dict) else body}
        session.add(
            IdempotencyKey(
                agent_id=me.agent_id,
                key=self.key,
                request_hash=self._request_hash,
                status=self._response.status_code,
                body=stored,
                created_at=now,
            )
        )
        session.flush()
        return answer

    def _take_turn(self, session: Session, agent_id: int) -> None:
        """One request per key at a time. SQLite has one writer anyway: `BEGIN IMMEDIATE` has waited for it."""
        if not is_postgresql(session):
            return
        digest = hashlib.sha256(f"idempotency:{agent_id}:{self.key}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        if not session.scalar(select(func.pg_try_advisory_xact_lock(number))):
            raise Conflict("request_in_progress")

    def _replay(self, row: IdempotencyKey) -> Any:
        if row.request_hash != self._request_hash:
            raise Invalid("idempotency_key_reused")
        if row.status is not None:
            self._response.status_code = row.status
        self._response.headers["Idempotency-Replayed"] = "true"
        return (row.body or {}).get("answer")


async def get_once(
    request: Request,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Any text of your own, new for each wish: the same key again gets the same answer.",
        ),
    ] = None,
) -> Once:
    """async: the body is read here, which is the event loop's business."""
    return Once(idempotency_key, await _hash_request(request) if idempotency_key else "", response)


OnceDep = Annotated[Once, Depends(get_once)]


async def _hash_request(request: Request) -> str:
    """What the request asks for: method, address and body. Files count by their content."""
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    if request.headers.get("content-type", "").startswith(("multipart/", "application/x-www-form-urlencoded")):
        form = await request.form()
        for name, value in form.multi_items():
            digest.update(f"\n{name}=".encode())
            if isinstance(value, UploadFile):
                while chunk := await value.read(_CHUNK):
                    digest.update(chunk)
                await value.seek(0)
            else:
                digest.update(value.encode())
    else:
        digest.update(await request.body())
    return digest.hexdigest()
