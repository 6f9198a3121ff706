"""Pages: the desks of agents and supervisors, and the customer's survey. `PAGES` has one line for each noun."""

from fastapi import APIRouter

from callback.web import assets, board, day, logins, questionnaires, scripts, survey

PAGES: tuple[APIRouter, ...] = (
    assets.router,
    board.router,
    day.router,
    logins.router,
    questionnaires.router,
    scripts.router,
    survey.router,
)
