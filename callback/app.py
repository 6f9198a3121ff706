"""The web application: the API under `/api/v1`, and what operators ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

import callback
from callback.api import (
    accounts,
    agents,
    attempts,
    audit,
    callbacks,
    campaigns,
    carrier,
    cases,
    contact_rates,
    customers,
    dissatisfactions,
    health,
    imports,
    messages,
    metrics,
    notes,
    plans,
    problems,
    questionnaires,
    responses,
    sandbox,
    scripts,
    sends,
    setups,
    shifts,
    suppressions,
    teams,
    tokens,
    unsent,
    visits,
    warnings,
)
from callback.api.edge import Edge
from callback.api.intake import Intake
from callback.api.mailbox import Mailbox
from callback.api.openapi import describe
from callback.bootstrap import House, build
from callback.log import configure_logging
from callback.services.collector import leave_out_what_is_there
from callback.web import PAGES
from callback.web.compression import Compression
from callback.web.errors import install as answer_with_pages
from callback.web.errors import present

ROUTERS: tuple[APIRouter, ...] = (
    carrier.router,  # first: most requests are a carrier's, and routes are looked through in their order
    accounts.router,
    agents.router,
    attempts.router,
    audit.router,
    callbacks.router,
    campaigns.router,
    cases.router,
    contact_rates.router,
    customers.router,
    dissatisfactions.router,
    imports.router,
    messages.router,
    notes.router,
    plans.router,
    questionnaires.router,
    responses.router,
    sandbox.router,
    scripts.router,
    sends.router,
    setups.router,
    shifts.router,
    suppressions.router,
    teams.router,
    tokens.router,
    unsent.router,
    visits.router,
    warnings.router,
)
"""One line for each noun; included under `/api/v1`."""

DESCRIPTION = "Keeps a customer-service centre's promise to call back."


def create_app(house: House) -> FastAPI:
    """The application on a house that `bootstrap.build` has put together. Opens nothing itself."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.house.close()

    app = FastAPI(
        title="Callback",
        version=callback.__version__,
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=life,
    )
    serve(app, house)
    app.user_middleware += [
        Middleware(Edge, owner=app, present=present),
        Middleware(Compression),
        Middleware(Intake, present=present),
    ]
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1", responses=problems.problem_responses())
    app.include_router(health.router, responses=problems.problem_responses())
    app.include_router(metrics.router)
    for page in PAGES:
        app.include_router(page)
    answer_with_pages(app)
    describe(app)
    return app


def serve(app: FastAPI, house: House) -> None:
    """Let the application work for this house from now on; all that it keeps is in its state.

    Some hundred addresses take half a second to be laid out: the tests do it once, and move from house to house.
    """
    app.state.house = house
    app.state.mailbox = Mailbox(house.sessions)
    app.state.metrics = metrics.Metrics(house)


def from_environment() -> FastAPI:
    """For servers that start the application themselves: `uvicorn --factory callback.app:from_environment`."""
    house = build()
    configure_logging(house.settings)
    return served(house)


def served(house: House) -> FastAPI:
    """The application as the only thing that its process is there for."""
    app = create_app(house)
    leave_out_what_is_there()
    return app
