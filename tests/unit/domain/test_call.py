from dataclasses import replace
from datetime import UTC, datetime

import pytest

from callback.domain.call import fault, recovers, settles, was_handled
from callback.domain.script import Facts
from callback.domain.words import Disposition, Purpose

MOMENT = datetime(2026, 3, 11, tzinfo=UTC)
NOBODY = Facts(
    identity=False,
    told=False,
    understood=False,
    accepted=None,
    new_needs=(),
    questionnaire=None,
    appointment_at=None,
    promise_at=None,
    refused=False,
    cause=None,
    disposition=None,
    over=False,
)
PERSON = replace(NOBODY, identity=True)
TOLD = replace(PERSON, told=True)
PROMISED = replace(PERSON, promise_at=MOMENT)
ACCEPTED = replace(TOLD, accepted=True)


@pytest.mark.parametrize(
    ("purpose", "outcome", "facts", "code"),
    [
        (Purpose.ANSWER, Disposition.NO_RESPONSE, NOBODY, "outcome_not_of_a_call"),
        (Purpose.ANSWER, Disposition.NO_ANSWER, NOBODY, None),
        (Purpose.ANSWER, Disposition.NO_ANSWER, PERSON, "outcome_contradicts_identity"),
        (Purpose.ANSWER, Disposition.WRONG_NUMBER, PERSON, "outcome_contradicts_identity"),
        (Purpose.ANSWER, Disposition.COMPLETED, NOBODY, "identity_first"),
        (Purpose.SURVEY, Disposition.PARTIAL, NOBODY, "identity_first"),
        (Purpose.ANSWER, Disposition.COMPLETED, PERSON, "tell_first"),
        (Purpose.FOLLOW_UP, Disposition.COMPLETED, PERSON, "tell_first"),
        (Purpose.ANSWER, Disposition.COMPLETED, TOLD, None),
        (Purpose.HOLDING, Disposition.COMPLETED, PERSON, "promise_first"),
        (Purpose.HOLDING, Disposition.COMPLETED, PROMISED, None),
        (Purpose.SECOND_CALL, Disposition.COMPLETED, TOLD, "acceptance_first"),
        (Purpose.SECOND_CALL, Disposition.COMPLETED, ACCEPTED, None),
        (Purpose.SECOND_CALL, Disposition.COMPLETED, replace(TOLD, accepted=False), None),
        (Purpose.SURVEY, Disposition.COMPLETED, PERSON, None),
        (Purpose.VISIT, Disposition.BREAK_OFF, PERSON, None),
        (Purpose.ANSWER, Disposition.TECHNICAL_FAILURE, PERSON, None),
    ],
)
def test_how_a_call_can_have_ended(purpose: Purpose, outcome: Disposition, facts: Facts, code: str | None) -> None:
    assert fault(purpose, outcome, facts) == code


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("outcome", Disposition)
def test_without_the_person_nothing_is_complete(purpose: Purpose, outcome: Disposition) -> None:
    """Hard rule 7: whatever else is claimed to have happened."""
    claimed = replace(ACCEPTED, promise_at=MOMENT, identity=False)
    if fault(purpose, outcome, claimed) is None:
        assert outcome not in (Disposition.COMPLETED, Disposition.PARTIAL)


@pytest.mark.parametrize(
    ("purpose", "outcome", "facts", "settled"),
    [
        (Purpose.ANSWER, Disposition.COMPLETED, TOLD, True),
        (Purpose.ANSWER, Disposition.BREAK_OFF, TOLD, True),
        (Purpose.ANSWER, Disposition.BREAK_OFF, PERSON, False),
        (Purpose.FOLLOW_UP, Disposition.PARTIAL, PERSON, False),
        (Purpose.HOLDING, Disposition.BREAK_OFF, PROMISED, True),
        (Purpose.HOLDING, Disposition.BREAK_OFF, PERSON, False),
        (Purpose.SURVEY, Disposition.PARTIAL, PERSON, True),
        (Purpose.SURVEY, Disposition.BREAK_OFF, NOBODY, False),
        (Purpose.SECOND_CALL, Disposition.BREAK_OFF, PERSON, True),
        (Purpose.SURVEY, Disposition.NO_ANSWER, NOBODY, False),
        (Purpose.ANSWER, Disposition.NOT_CONVENIENT, TOLD, False),
    ],
)
def test_what_settles_the_duty(purpose: Purpose, outcome: Disposition, facts: Facts, settled: bool) -> None:
    assert settles(purpose, outcome, facts) is settled


def test_a_second_call_wins_the_customer_back_only_when_it_was_held() -> None:
    assert recovers(Disposition.COMPLETED, unhappy=False)
    assert recovers(Disposition.PARTIAL, unhappy=False)
    assert not recovers(Disposition.COMPLETED, unhappy=True)
    assert not recovers(Disposition.BREAK_OFF, unhappy=False)
    assert not recovers(Disposition.NO_ANSWER, unhappy=False)


def test_ringing_in_vain_is_not_handling_the_case() -> None:
    assert not was_handled(Disposition.NO_ANSWER, NOBODY)
    assert was_handled(Disposition.THIRD_PARTY, NOBODY)
    assert was_handled(Disposition.TECHNICAL_FAILURE, PERSON)
