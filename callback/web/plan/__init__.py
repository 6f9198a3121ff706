"""`/plan`: the day's plan as a grid, callbacks placed by hand, absences, what-if, and what has to be put right."""

from fastapi import APIRouter

from callback.web.plan import absences, findings, grid, placing, what_if

router = APIRouter(include_in_schema=False)
for part in (grid, placing, absences, what_if, findings):
    router.include_router(part.router)
