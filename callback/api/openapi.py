"""The OpenAPI document: every operation says which scope it asks for, every error is a problem document."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts

from callback.api.problems import PROBLEM_SCHEMA
from callback.entrance import CallerDependency


def describe(app: FastAPI) -> None:
    """Let `app.openapi()` give our document; made once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _make(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _make(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    made.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for route in iter_route_contexts(app.routes):
        asked = asked_of(route)
        if asked is None or not route.include_in_schema:
            continue
        for method in route.methods or ():
            operation = made["paths"][route.path][method.lower()]
            operation["x-scope"] = asked.scope.value
            if asked.session_only:
                operation["security"] = [one for one in operation["security"] if "session" in one]
    return made


def asked_of(route: RouteContext) -> CallerDependency | None:
    """The declaration of who may call this route; `None` when it declares nothing."""
    dependant: Dependant | None = getattr(route, "dependant", None)
    return None if dependant is None else _find(dependant)


def _find(dependant: Dependant) -> CallerDependency | None:
    if isinstance(dependant.call, CallerDependency):
        return dependant.call
    for inner in dependant.dependencies:
        found = _find(inner)
        if found is not None:
            return found
    return None
