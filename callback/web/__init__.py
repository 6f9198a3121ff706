"""Pages: the desks of agents and supervisors, and the customer's survey. `PAGES` has one line for each noun."""

from fastapi import APIRouter

from callback.web import assets, day, logins, survey

PAGES: tuple[APIRouter, ...] = (
    assets.router,
    day.router,
    logins.router,
    survey.router,
)
