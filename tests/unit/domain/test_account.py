import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.account import PASSWORD_LENGTH, SCOPES_OF, Scope, effective_scopes, password_problem
from callback.domain.words import Role


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "password_too_short"),
        ("x" * 201, "password_too_long"),
        ("aaaaaaaaaaaa", "password_too_easy"),
        ("1029384756", "password_too_easy"),
        ("password123!", "password_too_easy"),
        ("wang.xiaoli", "password_too_easy"),
        ("WANG.XIAOLI1", "password_too_easy"),
        ("correct horse battery", None),
        ("三个词语组成的好密码", None),
    ],
)
def test_new_passwords(password: str, problem: str | None) -> None:
    assert password_problem(password, login="wang.xiaoli") == problem


@given(st.text(max_size=PASSWORD_LENGTH[0] - 1))
def test_no_short_password_passes(password: str) -> None:
    assert password_problem(password, login="li") == "password_too_short"


@given(st.sampled_from(Role), st.frozensets(st.sampled_from([*Scope, "admin", "*", ""])))
def test_a_token_never_gives_more_than_its_owners_role(role: Role, asked: frozenset[str]) -> None:
    assert effective_scopes(role, asked) <= SCOPES_OF[role]
    assert effective_scopes(role, asked) <= asked
    assert effective_scopes(role, None) == SCOPES_OF[role]


def test_each_role_holds_what_the_one_below_holds() -> None:
    assert SCOPES_OF[Role.AGENT] < SCOPES_OF[Role.SUPERVISOR] < SCOPES_OF[Role.ADMINISTRATOR] == frozenset(Scope)
