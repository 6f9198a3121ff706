"""Pages: the desks of agents and supervisors, and the customer's survey. `PAGES` has one line for each noun."""

from fastapi import APIRouter

from callback.web import (
    assets,
    board,
    callbacks,
    calls,
    day,
    handovers,
    imports,
    logins,
    messages,
    moves,
    notes,
    plan,
    questionnaires,
    reassign,
    sandbox,
    scripts,
    search,
    setup,
    survey,
    work,
)

PAGES: tuple[APIRouter, ...] = (
    assets.router,
    board.router,
    callbacks.router,
    calls.router,
    day.router,
    imports.router,
    handovers.router,
    logins.router,
    messages.router,
    moves.router,
    notes.router,
    plan.router,
    questionnaires.router,
    reassign.router,
    sandbox.router,
    scripts.router,
    search.router,
    setup.router,
    survey.router,
    work.router,
)
