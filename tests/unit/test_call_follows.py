"""What the page says follows from a call: no two lines contradict each other, whatever came together."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from callback.domain.words import CallbackState, Disposition, DissatisfactionState, SuppressionScope
from callback.services.attempts import Finished
from callback.texts import LANGUAGES, catalogue, say
from callback.web.calls.follows import follows

AT = datetime(2026, 3, 12, 3, tzinfo=UTC)
CALLED_AGAIN = {"result_done_promised", "result_appointment", "result_again", "result_second_call", "result_promise"}
NOT_CALLED_AGAIN = {"result_done", "result_done_refused", "result_done_partly"}
NO_CALLS = {"result_no_more_calls", "result_unhappy_no_calls", "result_promise_no_calls", "result_opt_out_all"}


def finished(**values: Any) -> Finished:
    plain = {
        "attempt": "a", "callback": "c", "callback_state": CallbackState.DONE, "disposition": Disposition.COMPLETED,
        "aapor_code": "1.1", "counts": True, "rule": "settled",
    }  # fmt: skip
    return Finished(**{**plain, **values})


def codes(result: Finished, *, special: bool = False) -> list[str]:
    return [line.code.removeprefix("call_desk.") for line in follows(result, special=special)]


def test_a_new_promise_is_not_the_end_of_the_matter() -> None:
    result = finished(new_promise_at=AT)
    assert codes(result) == ["result_done_promised", "result_promise"]
    assert "再次致电" in say("call_desk.result_done_promised", "zh")
    assert codes(finished()) == ["result_done"]


def test_whoever_is_unhappy_is_called_once_more() -> None:
    unhappy = {"dissatisfaction_state": DissatisfactionState.OPEN}
    assert codes(finished(**unhappy)) == ["result_done_call", "result_second_call"]
    waiting = {"callback_state": CallbackState.WAITING, "next_try_at": AT, **unhappy}
    assert codes(finished(**waiting)) == ["result_second_call"]
    assert codes(finished(**waiting, appointment_at=AT)) == ["result_wished", "result_second_call"]
    assert codes(finished(callback_state=CallbackState.EXHAUSTED, **unhappy)) == [
        "result_supervisor_too",
        "result_second_call",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_lines_contradict_each_other(language: Any) -> None:
    states = (None, *DissatisfactionState)
    scopes = (None, SuppressionScope.SURVEY, SuppressionScope.AGENT, SuppressionScope.ALL)
    ends: tuple[dict[str, Any], ...] = (
        {},
        {"callback_state": CallbackState.WAITING, "rule": "again", "next_try_at": AT},
        {"callback_state": CallbackState.ASSIGNED, "rule": "again", "next_try_at": AT},
        {"callback_state": CallbackState.WAITING, "rule": "appointment", "next_try_at": AT, "appointment_at": AT},
        {"callback_state": CallbackState.BLOCKED, "rule": "no_legal_moment"},
        {"callback_state": CallbackState.EXHAUSTED, "rule": "attempts_used"},
    )
    outcomes = (Disposition.COMPLETED, Disposition.PARTIAL, Disposition.REFUSED, Disposition.BREAK_OFF)
    for ending, outcome, state, scope, promise, special in product(
        ends, outcomes, states, scopes, (None, AT), (False, True)
    ):
        if scope in (SuppressionScope.AGENT, SuppressionScope.ALL) and "next_try_at" in ending:
            continue  # the rules leave no moment then, and an appointment is refused
        end = {**ending, "disposition": outcome, "new_promise_at": promise}
        result = finished(**end, dissatisfaction_state=state, opt_out=scope)
        said = set(codes(result, special=special))
        assert not (said & NOT_CALLED_AGAIN and said & CALLED_AGAIN), said
        assert not (said & NO_CALLS and said & (CALLED_AGAIN | {"result_special"})), said
        assert len(said & {"result_again", "result_second_call", "result_appointment"}) <= 1, said
        for line in follows(result, special=special):
            assert line.code in catalogue(language)
            assert line.why is None or line.why in catalogue(language)
