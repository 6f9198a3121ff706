"""`/setup/policy`: the figures of the house, by meaning, in words and units; tried on the plan before they count."""

from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from callback.db.policies import policy_of
from callback.domain.account import Scope
from callback.domain.policy import LEGAL_CEILING, LEGAL_FLOOR, Policy
from callback.domain.policy_figures import CHANNELS, FIGURES, SECONDS, Figure, Unit, in_unit, stored
from callback.domain.roster import HoursError, parse_hours
from callback.domain.words import SetupKind
from callback.errors import Invalid
from callback.services import policies, what_if
from callback.services.setups.record import Act
from callback.web.desk import Desk, at_desk
from callback.web.setup.differences import figure_words
from callback.web.setup.forms import Fields, Form
from callback.web.setup.history import history_of

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.POLICIES_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.POLICIES_WRITE))]
COUNTRY_LINES = 12


@router.get("/setup/policy")
def policy(desk: Reader) -> Response:
    with desk.reading() as session:
        present = policies.present(session, SetupKind.POLICY)
        values = _shown(Policy().changed(present.document))
        return desk.page(
            "setup/policy/page.html",
            fields=Fields(desk, number=present.number, **values),
            **_form(desk),
            may=Scope.POLICIES_WRITE in desk.me.scopes,
            history=history_of(desk, session, SetupKind.POLICY),
        )


def _form(desk: Desk) -> dict[str, Any]:
    groups: dict[str, list[Figure]] = {}
    for figure in FIGURES:
        groups.setdefault(figure.group, []).append(figure)
    defaults = Policy()
    return {
        "groups": groups,
        "defaults": {f.name: figure_words(desk, f, in_unit(f, getattr(defaults, f.name))) for f in FIGURES},
        "floor": f"{LEGAL_FLOOR:%H:%M}",
        "ceiling": f"{LEGAL_CEILING:%H:%M}",
        "channels": CHANNELS,
        "lines": range(COUNTRY_LINES),
    }


def _shown(policy: Policy) -> dict[str, Any]:
    """Every figure as the form has it."""
    values: dict[str, Any] = {}
    for figure in FIGURES:
        value = in_unit(figure, getattr(policy, figure.name))
        if figure.unit is Unit.WINDOWS:
            values[figure.name] = ", ".join(f"{start:%H:%M}–{end:%H:%M}" for start, end in value)
        elif figure.unit is Unit.CHANNELS:
            for line, (country, channels) in enumerate(value.items()):
                values[f"country_{line}"] = country
                values |= {f"channel_{line}_{place}": channel for place, channel in enumerate(channels)}
        else:
            values[figure.name] = value if figure.unit is Unit.YES_NO else f"{value:g}"
    return values


@router.post("/setup/policy")
def change(desk: Writer, form: Form) -> Response:
    fields = Fields(desk, form)
    figures = _figures(fields)
    number = int(fields.number("number", low=0, high=10**9))
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    if not fields.faults:
        with telling(fields, figures), desk.begin() as session:
            policies.change_figures(session, figures, number=number, act=act)
    if fields.faults:
        return _faulty(desk, fields)
    return desk.go("/setup/policy", said="setup_desk.policy_saved", undo=f"/setup/undo/{act.handle}")


@router.post("/setup/policy/preview")
def preview(desk: Writer, form: Form) -> Response:
    """What these figures would make of today's plan, computed twice; nothing is written."""
    fields = Fields(desk, form)
    figures = _figures(fields)
    with telling(fields, figures):
        policy_of(figures)
    if fields.faults:
        return desk.fragment("setup/policy/preview_faults.html", fields=fields)
    with desk.reading() as session:
        change = what_if.Change(figures=figures)
        found = what_if.compare_all(session, change, moment=desk.now, zone=desk.house.zone)
    return desk.fragment("setup/policy/preview.html", found=found, worlds=(found.today, found.otherwise))


def _faulty(desk: Desk, fields: Fields) -> Response:
    return desk.fragment("setup/policy/form.html", status=422, fields=fields, may=True, **_form(desk))


class telling:  # noqa: N801  reads as what it does
    """`with telling(fields, figures):` — every fault of the figures at its own field."""

    def __init__(self, fields: Fields, figures: Mapping[str, Any]) -> None:
        self._fields = fields
        self._figures = figures

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Invalid) or "faults" not in error.details:
            return False
        found: Any = error.details["faults"]
        for fault in found:
            self._fields.fault(fault["figure"], f"setup_policy.fault.{fault['code']}", **fault["params"])
        return True


def _figures(fields: Fields) -> dict[str, Any]:
    """All the figures of the form in their stored form. What cannot be read is a fault already."""
    figures: dict[str, Any] = {}
    for figure in FIGURES:
        if figure.unit is Unit.WINDOWS:
            figures[figure.name] = _windows(fields, figure.name)
        elif figure.unit is Unit.CHANNELS:
            figures[figure.name] = _countries(fields)
        elif figure.unit is Unit.YES_NO:
            figures[figure.name] = fields.on(figure.name)
        else:
            whole = figure.unit not in SECONDS and figure.unit is not Unit.PER_CENT
            value = fields.number(figure.name, low=figure.lowest, high=figure.highest, whole=whole)
            figures[figure.name] = stored(figure, value)
    return figures


def _windows(fields: Fields, name: str) -> Sequence[Sequence[str]]:
    try:
        found = parse_hours(fields.raw(name))
    except HoursError as error:
        fields.fault(name, f"setup_desk.{error.code}", part=error.part)
        return []
    if not found:
        fields.fault(name, "setup_policy.fault.no_window")
    return [[f"{start:%H:%M}", f"{end:%H:%M}"] for start, end in found]


def _countries(fields: Fields) -> dict[str, list[str]]:
    """One line for each country: its code, and the channels in the order in which they are tried."""
    found: dict[str, list[str]] = {}
    for line in range(COUNTRY_LINES):
        country = fields.raw(f"country_{line}").strip().upper()
        if country:
            chosen = [fields.raw(f"channel_{line}_{place}") for place in range(len(CHANNELS))]
            found[country] = list(dict.fromkeys(channel for channel in chosen if channel))
    return found


assert {figure.name for figure in FIGURES} == {f.name for f in fields_of(Policy)}, "a figure without a field"  # noqa: S101
