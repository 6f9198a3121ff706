"""`/setup`: what a centre sets up by itself, without a programmer. One module for each part."""

from fastapi import APIRouter

from callback.web.setup import (
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
for part in (index, history, teams, agents, skills, shifts, policy, calendars, retry, replies, escalation, channels):
    router.include_router(part.router)
