"""The description of the API: valid, complete, and as the file that clients are made from."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from callback.app import create_app
from callback.bootstrap import build
from callback.domain.account import Scope
from callback.settings import Settings

SNAPSHOT = Path(__file__).resolve().parents[2] / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    house = build(Settings(database_url="sqlite://"))
    made: dict[str, Any] = json.loads(json.dumps(create_app(house).openapi()))
    house.close()
    return made


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_description_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def test_the_file_is_up_to_date(document: dict[str, Any]) -> None:
    assert json.loads(SNAPSHOT.read_text(encoding="utf-8")) == document, "run scripts/openapi"


def test_operation_ids_are_short_and_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not one.isalnum()] == []


def test_every_operation_says_what_it_does_whom_it_asks_and_how_it_fails(document: dict[str, Any]) -> None:
    public = {"/healthz", "/readyz", "/api/v1/sessions"}
    for method, path, operation in _operations(document):
        assert operation.get("description"), (method, path)
        assert "application/problem+json" in operation["responses"]["4XX"]["content"], (method, path)
        if path not in public and not path.startswith("/api/v1/carrier/"):  # those are signed instead
            assert operation["x-scope"] in set(Scope), (method, path)
            assert operation["security"], (method, path)


def test_schemas_of_fastapis_own_errors_are_gone(document: dict[str, Any]) -> None:
    assert {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"]) == set()
