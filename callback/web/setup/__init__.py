"""`/setup`: what a centre sets up by itself, without a programmer. One module for each part."""

from fastapi import APIRouter

from callback.web.setup import (
    agent_files,
    agents,
    calendars,
    channels,
    escalation,
    history,
    index,
    policy,
    replies,
    retry,
    shifts,
    skills,
    teams,
)

router = APIRouter(include_in_schema=False)
PARTS = (
    index,
    history,
    teams,
    agent_files,  # before the agents, whose addresses would take `import` for somebody's id
    agents,
    skills,
    shifts,
    policy,
    calendars,
    retry,
    replies,
    escalation,
    channels,
)
for part in PARTS:
    router.include_router(part.router)
