"""What has to be put right before the plan can be better, and what one more agent would bring."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime

from fastapi import APIRouter, Response
from markupsafe import Markup, escape
from sqlalchemy import select

from callback.db import outlooks
from callback.db import reassignments as rows
from callback.db.tables import Callback
from callback.services import findings, gains
from callback.services.findings import Fault
from callback.services.planning import shards
from callback.web import moments
from callback.web.desk import Desk
from callback.web.plan.grid import Leader

router = APIRouter(include_in_schema=False)
SHOWN = 10
"""Of one kind; the rest is counted as far as the look went."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "senders": ("sender_held",),
    "shifts": (
        "shift_ends_before_start", "shifts_overlap", "shift_too_short", "shift_outside_windows", "absent_and_at_work",
    ),
    "people": (
        "nobody_at_work", "agent_without_language", "agent_without_skills", "agent_without_capacity",
        "skill_nobody_has",
    ),
    "pins": (
        "pin_without_shift", "pins_collide", "pins_overlap", "pins_overfill_slot", "pins_overfill_day",
        "pins_same_customer", "pin_forbidden", "pin_illegal_moment",
    ),
    "impossible": ("due_before_earliest",),
    "no_legal_moment": ("no_legal_moment",),
    "nobody_qualifies": ("nobody_qualifies",),
    "needs_data": ("needs_data",),
    "passed": ("due_passed",),
    "appointments": ("appointment_late", "left_appointment_not_kept"),
    "room": (),
}  # fmt: skip
"""Kinds of faults, in the order in which they are shown, with their codes. What is not named is a matter of room."""
KIND_OF = {code: kind for kind, codes in KINDS.items() for code in codes}
OF_SHIFTS = frozenset(KINDS["shifts"])


@router.get("/plan/findings")
def show_findings(desk: Leader) -> Response:
    with desk.reading() as session:
        found = findings.find_faults(session, now=desk.now, bounded=True)
        outlook = outlooks.newest(session)
        shortages = list(outlook.shortages) if outlook is not None else []
        kinds, more = _by_kind(found)
        handles = [fault.who for faults in kinds.values() for fault in faults[:SHOWN]]
        ids = session.scalars(select(Callback.id).where(Callback.handle.in_(handles))).all() if handles else []
        names = {line.handle: line.name or str(line.case_id) for line in rows.lines(session, ids)}
        looked_at = None if outlook is None else outlook.at
        proofs = gains.newest(session, shards(desk.house.sessions))
        brings = gains.tell(proofs, desk.language, desk.zone, now=desk.now)
    groups = [
        (
            kind,
            len(kinds[kind]) + more.get(kind, 0),
            [(_sentence(desk, fault, names), _mend(fault, names)) for fault in kinds[kind][:SHOWN]],
        )
        for kind in KINDS
        if kinds[kind]
    ]
    return desk.page(
        "plan/findings.html", groups=groups, shortages=shortages[:12], looked_at=looked_at, brings=brings, shown=SHOWN,
        most=findings.LOOKED_AT, day_of=date.fromisoformat,
    )  # fmt: skip


def _by_kind(found: list[Fault]) -> tuple[Mapping[str, list[Fault]], Mapping[str, int]]:
    """The faults by kind, and how many more of each were counted."""
    kinds: defaultdict[str, list[Fault]] = defaultdict(list)
    more: Counter[str] = Counter()
    for fault in found:
        if fault.code == "more":
            more[KIND_OF.get(fault.who, "room")] += int(fault.params["count"])
        else:
            kinds[KIND_OF.get(fault.code, "room")].append(fault)
    return kinds, more


def _mend(fault: Fault, names: Mapping[str, str]) -> str:
    """Where it can be mended."""
    if fault.who in names:
        return f"/callbacks/{fault.who}"
    if fault.agent_id is not None:
        return f"/setup/{'shifts' if fault.code in OF_SHIFTS else 'agents'}/{fault.agent_id}"
    if fault.code == "sender_held":
        return "/sends?state=queued"
    return "/setup/skills" if fault.code == "skill_nobody_has" else "/setup/shifts"


def _sentence(desk: Desk, fault: Fault, names: Mapping[str, str]) -> Markup:
    """With customers by name, and the due time as it is told on pages."""
    params = findings.words(fault, desk.language, zone=desk.zone)
    for name in ("due", "at", "calls_at"):
        if name in params:
            told = datetime.fromisoformat(str(fault.params[name]))
            params[name] = moments.moment(told, desk.zone, desk.language, now=desk.now)
    for name in ("who", "agent", "other", "skills"):
        if name in params:
            params[name] = _own(names.get(str(params[name]), str(params[name])))
    return escape(desk.say(f"finding.{fault.code}")).format(**params)


def _own(text: str) -> Markup:
    return Markup('<span translate="no">{}</span>').format(text)
