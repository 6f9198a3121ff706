"""`/healthz`: the process lives. `/readyz`: it can do its work."""

import functools
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from callback.db import migrate
from callback.entrance import HouseDep
from callback.errors import Unavailable

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/healthz", operation_id="healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health()


@functools.cache
def _expected() -> str | None:
    return migrate.head()


@router.get("/readyz", operation_id="readyz")
def readyz(house: HouseDep) -> Health:
    """The database answers and has the schema of this version; else 503 with what is missing."""
    try:
        with house.engine.connect() as connection:
            present = migrate.current(connection)
    except SQLAlchemyError as error:
        raise Unavailable("database_unavailable") from error
    if present != _expected():
        raise Unavailable("schema_not_at_head", present=present or "-", expected=_expected() or "-")
    return Health()
