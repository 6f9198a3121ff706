"""`/calls/{attempt}`: an agent's call, from the preparation to what follows from it."""

from fastapi import APIRouter

from callback.web.calls import beside, dialling, page, talk

router = APIRouter(include_in_schema=False)
for part in (page, talk, beside, dialling):
    router.include_router(part.router)
