"""Schemathesis against our own description: no request, however odd, is answered with a 5xx or in another shape."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from sqlalchemy import select, update

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.tables import Agent, Attempt, Callback
from callback.domain.handle import new_handle
from callback.domain.words import AttemptState, CallbackState, Channel, PartOfDay, Purpose, Role
from callback.entrance import CSRF_HEADER, cookie_name, csrf_token
from callback.services import accounts, questionnaires
from tests import town
from tests.content import seed_scripts

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
EXAMPLES = {"sqlite": 5, "postgresql": 15}
"""PostgreSQL refuses more of what no column can keep."""
SLOW = {"/api/v1/sessions", "/api/v1/me/password"}
"""Each of these hashes a password with 64 MiB."""


REVEALING = {"GET /api/v1/customers/{customer_id}/contact-points/{contact_point_id}/reveal"}
"""The only operations that may answer with a telephone number in full; each of them is audited."""
OPEN_TO_COLLEAGUES = {"GET /api/v1/callbacks/{handle}/notes", "POST /api/v1/callbacks/{handle}/notes"}
"""Anybody may leave a message on a colleague's callback, and reads only their own: tests/integration/test_notes.py."""
TELLING = {"callback_over", "already_finished", "changed_meanwhile"}
"""Codes that would tell a stranger how somebody else's work stands."""


DESCRIPTION = Path(__file__).resolve().parents[1] / "openapi.json"
"""What tests/unit/api/test_openapi.py holds to be the application's own; to make it takes seconds in every process."""


@cache
def _operations() -> list[str]:
    paths = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]


@pytest.fixture
def schema(app: FastAPI) -> Any:
    """Our own description, read once: the application is the same in every test of a process."""
    return _schema(app)


@cache
def _schema(app: FastAPI) -> Any:
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)


@pytest.fixture
def populated(house: House, make_agent: Callable[..., int]) -> House:
    """A little of everything, so that odd requests meet rows."""
    make_agent("root", role=Role.ADMINISTRATOR)
    now = house.clock()
    with house.sessions.begin() as session:
        seed_scripts(session, now)
        questionnaires.seed_content(session, now)
        for login in ("li", "wang"):
            town.add_agent(session, login, now=now)
        for purpose in Purpose:
            case = town.add_case(session, town.add_customer(session, now=now), now=now)
            session.add(
                Callback(
                    handle=new_handle(),
                    case_id=case.id,
                    customer_id=case.customer_id,
                    purpose=purpose,
                    channel=Channel.AGENT,
                    state=CallbackState.ASSIGNED,
                    agent_id=1,
                    priority=50,
                    planned_at=now,
                    earliest_at=now,
                    due_at=now + timedelta(days=1),
                    created_at=now,
                    updated_at=now,
                )
            )
    return house


@pytest.mark.slow
@pytest.mark.parametrize("operation", _operations())
def test_no_request_breaks_the_house(operation: str, schema: Any, populated: House) -> None:
    method, path = operation.split(" ")
    database = "postgresql" if populated.settings.is_postgresql else "sqlite"
    secret = _session_of_root(populated)
    with reading(populated.sessions) as session:
        handles = session.scalars(select(Callback.handle)).all()

    @settings(
        max_examples=3 if path in SLOW else EXAMPLES[database],
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(), choice=st.integers(0, 7))
    def attack(case: Any, choice: int) -> None:
        nonlocal secret
        if "handle" in case.path_parameters and choice < len(handles):  # nobody guesses one, so lend some
            case.path_parameters["handle"] = handles[choice]
        case.headers.pop("Authorization", None)  # a made-up token only ever gives 401
        case.cookies.clear()
        headers = {CSRF_HEADER: csrf_token(secret), "Cookie": f"{cookie_name(populated.settings)}={secret}"}
        response = case.call(headers=headers)
        if response.status_code == 401:  # logged out or deactivated itself
            secret = _session_of_root(populated)
            response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)
        assert operation in REVEALING or "+86139" not in response.text, "a telephone number in full"

    attack()


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation", [one for one in _operations() if "{handle}" in one and one not in OPEN_TO_COLLEAGUES]
)
def test_somebody_elses_work_does_not_exist(operation: str, schema: Any, populated: House, desk: Any) -> None:
    """An agent who has got hold of another's handle: whatever is sent, nothing is answered and nothing is done."""
    method, path = operation.split(" ")
    stranger = desk.agent("stranger")
    secret = stranger.cookies[cookie_name(populated.settings)]
    with populated.sessions.begin() as session:
        callback = session.scalars(select(Callback)).first()
        assert callback is not None
        attempt = Attempt(
            handle=new_handle(),
            callback_id=callback.id,
            case_id=callback.case_id,
            customer_id=callback.customer_id,
            agent_id=callback.agent_id,
            state=AttemptState.CLAIMED,
            channel=Channel.AGENT,
            part_of_day=PartOfDay.MORNING,
            started_at=populated.clock(),
        )
        session.add(attempt)
        handles = [callback.handle, attempt.handle]

    @settings(
        max_examples=10,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(), handle=st.sampled_from(handles))
    def attack(case: Any, handle: str) -> None:
        case.path_parameters["handle"] = handle
        case.headers.pop("Authorization", None)
        case.cookies.clear()
        headers = {CSRF_HEADER: csrf_token(secret), "Cookie": f"{cookie_name(populated.settings)}={secret}"}
        answer = case.call(headers=headers)
        assert 400 <= answer.status_code < 500
        assert answer.json()["code"] not in TELLING, answer.text

    attack()


def _session_of_root(house: House) -> str:
    """A session of the administrator, who is put back into office if the fuzzing threw them out."""
    with house.sessions.begin() as session:
        root_id = session.scalars(select(Agent.id).order_by(Agent.id)).first()
        assert root_id is not None
        session.execute(update(Agent).where(Agent.id == root_id).values(role=Role.ADMINISTRATOR, active=True))
        new = accounts.start_session(session, root_id, now=house.clock(), lifetime=timedelta(hours=1))
        return new.secret
