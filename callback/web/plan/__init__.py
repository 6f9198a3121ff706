"""`/plan`: the day's plan as a grid, callbacks placed by hand, and absences."""

from fastapi import APIRouter

from callback.web.plan import absences, grid, placing

router = APIRouter(include_in_schema=False)
for part in (grid, placing, absences):
    router.include_router(part.router)
