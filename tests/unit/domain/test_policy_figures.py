"""Every figure of the policy has bounds, and what no centre can mean is named."""

from dataclasses import fields, replace
from datetime import time, timedelta
from typing import Any

import pytest

from callback.domain.policy import Policy
from callback.domain.policy_figures import BY_NAME, FIGURES, Fault, Unit, faults, in_unit, stored, unreadable


def test_every_figure_is_described_once() -> None:
    assert sorted(figure.name for figure in FIGURES) == sorted(field.name for field in fields(Policy))
    assert len(BY_NAME) == len(FIGURES)


def test_the_defaults_are_without_fault() -> None:
    assert faults(Policy()) == ()


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_what_is_entered_in_its_unit_is_stored_as_the_policy_reads_it(figure: Any) -> None:
    present = getattr(Policy(), figure.name)
    if figure.unit in (Unit.WINDOWS, Unit.CHANNELS):
        return
    assert getattr(Policy().changed({figure.name: stored(figure, in_unit(figure, present))}), figure.name) == present


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"calling_windows": ()}, "calling_windows", "no_window"),
    ({"calling_windows": ((time(12), time(9)),)}, "calling_windows", "window_order"),
    ({"calling_windows": ((time(7), time(9)),)}, "calling_windows", "window_not_legal"),
    ({"calling_windows": ((time(19), time(21, 30)),)}, "calling_windows", "window_not_legal"),
    ({"calling_windows": ((time(9), time(12)), (time(11), time(14)))}, "calling_windows", "windows_overlap"),
    ({"call_on_weekends": 1}, "call_on_weekends", "not_yes_no"),
    ({"attempts_per_day": 1.5}, "attempts_per_day", "not_a_number"),
    ({"attempts_per_day": True}, "attempts_per_day", "not_a_number"),
    ({"attempts_per_day": 0}, "attempts_per_day", "out_of_bounds"),
    ({"attempts_per_callback": 11}, "attempts_per_callback", "out_of_bounds"),
    ({"slot_overfill": -0.1}, "slot_overfill", "out_of_bounds"),
    ({"cool_off": timedelta(hours=-1)}, "cool_off", "out_of_bounds"),
    ({"automatic_countries": {"China": ("sms",)}}, "automatic_countries", "not_a_country"),
    ({"automatic_countries": {"CN": ("pigeon",)}}, "automatic_countries", "not_a_channel"),
    ({"survey_due": timedelta(hours=1)}, "survey_due", "before_survey_after"),
    ({"survey_expires": timedelta(days=1)}, "survey_expires", "before_survey_due"),
    ({"complaint_survey_due_working_days": 1}, "complaint_survey_due_working_days",
     "before_complaint_survey_after_working_days"),
    ({"handling_time": timedelta(minutes=60)}, "slot", "before_handling_time"),
    ({"attempts_per_callback": 1}, "attempts_per_callback", "before_attempts_per_day"),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "figure", "code"), WRONG)
def test_what_no_centre_can_mean_is_named_at_its_figure(changes: dict[str, Any], figure: str, code: str) -> None:
    found = faults(replace(Policy(), **changes))
    assert (figure, code) in {(fault.figure, fault.code) for fault in found}


def test_what_has_not_the_form_of_a_figure_is_named() -> None:
    figures = {"nonsense": 1, "slot": "long", "calling_windows": 5, "automatic_countries": {"CN": 5}, "freeze": 1e308}
    assert {(fault.figure, fault.code) for fault in unreadable(figures)} == {
        ("nonsense", "no_such_figure"),
        *((name, "not_in_its_form") for name in ("slot", "calling_windows", "automatic_countries", "freeze")),
    }
    assert unreadable({"slot": 1800, "attempts_per_day": 99}) == ()


def test_a_fault_says_in_words_what_is_wrong() -> None:
    assert str(Fault("slot", "out_of_bounds", {"low": "5", "high": "240"})) == "slot: out_of_bounds (low 5, high 240)"
    assert str(Fault("slot", "not_a_number")) == "slot: not_a_number"
