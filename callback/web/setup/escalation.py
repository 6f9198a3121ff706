"""`/setup/escalation`: the ordered rules by which something is marked, made more urgent, and told to somebody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from callback.domain.account import Scope
from callback.domain.escalation import WITH_A_CALLBACK, EscalationRule, document_of
from callback.domain.words import EscalationTold, EscalationTrigger, SetupKind, Severity
from callback.errors import Invalid, NotFound
from callback.services import escalations as service
from callback.services import policies
from callback.services.setups.record import Act
from callback.web.desk import Desk, at_desk
from callback.web.setup.differences import rule_words
from callback.web.setup.forms import Fields, Form
from callback.web.setup.history import history_of
from callback.web.setup.retry import UNITS

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.POLICIES_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.POLICIES_WRITE))]
Key = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
NEW = "new"


@router.get("/setup/escalation")
def escalation(desk: Reader) -> Response:
    with desk.reading() as session:
        rules = service.rules(session)
        return desk.page(
            "setup/escalation/page.html",
            rules=[(rule, *rule_words(desk, rule)) for rule in rules],
            number=policies.present(session, SetupKind.ESCALATION).number,
            may=Scope.POLICIES_WRITE in desk.me.scopes,
            history=history_of(desk, session, SetupKind.ESCALATION),
        )


@router.get("/setup/escalation/{key}")
def edit(desk: Writer, key: Key) -> Response:
    with desk.reading() as session:
        rules = service.rules(session)
        fresh = EscalationRule(key=NEW, trigger=EscalationTrigger.OVERDUE, after=timedelta(hours=4))
        rule = fresh if key == NEW else _one(rules, key)
        number = policies.present(session, SetupKind.ESCALATION).number
        count = service.foretell(session, rule, now=desk.now)
        fields = Fields(desk, number=number, **_shown(rule))
        return desk.page("setup/escalation/one.html", fields=fields, key=key, **_form(), count=count)


def _form() -> dict[str, Any]:
    return {
        "triggers": list(EscalationTrigger),
        "with_callback": " ".join(trigger.value for trigger in EscalationTrigger if trigger in WITH_A_CALLBACK),
        "severities": list(Severity),
        "told": list(EscalationTold),
    }


def _shown(rule: EscalationRule) -> dict[str, Any]:
    minutes = round(rule.after.total_seconds() / 60)
    unit = next((name for name in ("days", "hours") if minutes and minutes % UNITS[name] == 0), "minutes")
    return {
        "trigger": rule.trigger.value,
        "amount": f"{minutes / UNITS[unit]:g}",
        "unit": unit,
        "severity": rule.severity.value,
        "mark": rule.mark,
        "raise_to": rule.raise_to,
        "told": rule.told.value,
        "enabled": rule.enabled,
    }


@router.post("/setup/escalation/{key}")
def save(desk: Writer, key: Key, form: Form) -> Response:
    fields = Fields(desk, form)
    rule = _rule(fields, key)
    number = int(fields.number("number", low=0, high=10**9))
    if not fields.faults:
        with desk.reading() as session:
            rules = list(service.rules(session))
        if key == NEW:
            rule = replace(rule, key=_free_key(rules))
            rules.append(rule)
        else:
            place = rules.index(_one(rules, key))
            rules[place] = rule
        try:
            return _put(desk, rules, number=number)
        except Invalid as error:
            _tell(fields, error)
    values = {"fields": fields, "key": key, **_form()}
    return desk.fragment("setup/escalation/form.html", status=422, **values)


@router.post("/setup/escalation/{key}/preview")
def preview(desk: Writer, key: Key, form: Form) -> Response:
    """For how many things it would fire now; nothing is written."""
    fields = Fields(desk, form)
    rule = _rule(fields, key)
    if fields.faults:
        return desk.fragment("setup/escalation/count.html", fields=fields, count=None)
    with desk.reading() as session:
        return desk.fragment(
            "setup/escalation/count.html", fields=fields, count=service.foretell(session, rule, now=desk.now)
        )


@router.post("/setup/escalation/{key}/{what}")
def arrange(
    desk: Writer, key: Key, what: Annotated[str, Path(pattern="^(up|down|on|off|remove|default)$")], form: Form
) -> Response:
    """Move a rule, switch it, take it away; `default` brings the shipped rules back."""
    fields = Fields(desk, form)
    number = int(fields.number("number", low=0, high=10**9))
    with desk.reading() as session:
        rules = list(service.rules(session))
    if what == "default":
        return _put(desk, [], number=number)
    rule = _one(rules, key)
    place = rules.index(rule)
    if what in ("up", "down"):
        other = place + (-1 if what == "up" else 1)
        if 0 <= other < len(rules):
            rules[place], rules[other] = rules[other], rules[place]
    elif what in ("on", "off"):
        rules[place] = replace(rule, enabled=what == "on")
    else:
        rules.pop(place)
    return _put(desk, rules, number=number, emptied=not rules)


def _put(desk: Desk, rules: Sequence[EscalationRule], *, number: int, emptied: bool = False) -> Response:
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    # No document means the shipped rules; a house that wants none has an empty list.
    document = document_of(rules) if rules else ({"rules": []} if emptied else {})
    with desk.begin() as session:
        service.change(session, document, number=number, act=act)
        changed = policies.present(session, SetupKind.ESCALATION).number != number
    undo = f"/setup/undo/{act.handle}" if changed else None
    return desk.go("/setup/escalation", said="setup_desk.saved", undo=undo)


def _one(rules: Sequence[EscalationRule], key: str) -> EscalationRule:
    found = next((rule for rule in rules if rule.key == key), None)
    if found is None:
        raise NotFound("escalation_rule_not_found")
    return found


def _free_key(rules: Sequence[EscalationRule]) -> str:
    taken = {rule.key for rule in rules}
    return next(key for number in range(1, 1_000) if (key := f"rule_{number}") not in taken)


def _rule(fields: Fields, key: str) -> EscalationRule:
    trigger = fields.one_of("trigger", [trigger.value for trigger in EscalationTrigger])
    unit = fields.one_of("unit", UNITS)
    amount = fields.number("amount", low=0, high=43_200, whole=False)
    severity = fields.one_of("severity", [severity.value for severity in Severity])
    told = fields.one_of("told", [told.value for told in EscalationTold])
    raise_to = fields.number("raise_to", low=0, high=100) if fields.raw("raise_to").strip() else None
    if fields.faults:
        return EscalationRule(key=key, trigger=EscalationTrigger.OVERDUE, after=timedelta(0))
    kind = EscalationTrigger(trigger)
    return EscalationRule(
        key=key,
        trigger=kind,
        after=timedelta(minutes=round(amount * UNITS[unit])),
        severity=Severity(severity) if kind is EscalationTrigger.UNHAPPY else Severity.MINOR,
        mark=fields.on("mark"),
        raise_to=None if raise_to is None or kind not in WITH_A_CALLBACK else int(raise_to),
        told=EscalationTold(told),
        enabled=fields.on("enabled"),
    )


_AT = {
    "delay_not_possible": "amount",
    "before_nothing": "amount",
    "priority_not_possible": "raise_to",
    "nothing_to_raise": "raise_to",
}


def _tell(fields: Fields, error: Invalid) -> None:
    faults: Any = error.details.get("faults", ())
    for fault in faults:
        place = _AT.get(fault["code"], "told")
        fields.fault(place, f"setup_escalation.fault.{fault['code']}", **fault["params"])
    if not fields.faults:
        raise error
