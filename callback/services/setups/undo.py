"""Bringing earlier versions back. What returns goes through the checks of today, and is a new version itself."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.orm import Session

from callback.db import setups as rows
from callback.db.tables import SetupVersion
from callback.domain.account import Scope
from callback.domain.words import SetupKind
from callback.errors import Conflict, Forbidden, NotFound
from callback.services import agents, calendars, escalations, policies, quick_replies, shifts
from callback.services.setups.record import Act, Document

Writer = Callable[[Session, Mapping[str, Document], Act], object]


def _policy(session: Session, documents: Mapping[str, Document], act: Act) -> None:
    policies.change_figures(session, documents[""], number=None, act=act)


def _retry(session: Session, documents: Mapping[str, Document], act: Act) -> None:
    policies.change_retry(session, documents[""], number=None, act=act)


def _escalation(session: Session, documents: Mapping[str, Document], act: Act) -> None:
    escalations.change(session, documents[""], number=None, act=act)


def _calendars(session: Session, documents: Mapping[str, Document], act: Act) -> None:
    for country, document in documents.items():
        calendars.put_back(session, country, document, act=act)


def _teams(session: Session, documents: Mapping[str, Document], act: Act) -> None:
    for key, document in documents.items():
        agents.rename_team(session, int(key), document["name"], now=act.now, actor_id=act.actor_id, act=act)


def _agents(session: Session, documents: Mapping[str, Document], act: Act) -> None:
    agents.change_each(session, {int(key): document for key, document in documents.items()}, act=act)


def _shifts(session: Session, documents: Mapping[str, Document], act: Act) -> None:
    shifts.put_back(session, {int(key): document for key, document in documents.items()}, act=act)


def _quick_replies(session: Session, documents: Mapping[str, Document], act: Act) -> None:
    for key, document in documents.items():
        quick_replies.put_back(session, int(key), document, act=act)


WRITERS: Mapping[SetupKind, Writer] = MappingProxyType(
    {
        SetupKind.POLICY: _policy,
        SetupKind.RETRY: _retry,
        SetupKind.ESCALATION: _escalation,
        SetupKind.CALENDAR: _calendars,
        SetupKind.TEAM: _teams,
        SetupKind.AGENT: _agents,
        SetupKind.SHIFTS: _shifts,
        SetupKind.QUICK_REPLY: _quick_replies,
    }
)
SCOPES: Mapping[SetupKind, Scope] = MappingProxyType(
    {
        SetupKind.POLICY: Scope.POLICIES_WRITE,
        SetupKind.RETRY: Scope.POLICIES_WRITE,
        SetupKind.ESCALATION: Scope.POLICIES_WRITE,
        SetupKind.CALENDAR: Scope.POLICIES_WRITE,
        SetupKind.TEAM: Scope.AGENTS_WRITE,
        SetupKind.AGENT: Scope.AGENTS_WRITE,
        SetupKind.SHIFTS: Scope.SHIFTS_WRITE,
        SetupKind.QUICK_REPLY: Scope.SCRIPTS_WRITE,
    }
)
"""Whoever may change a thing may take a change of it back."""
_HAVE_DEFAULTS = frozenset({SetupKind.POLICY, SetupKind.RETRY, SetupKind.ESCALATION, SetupKind.CALENDAR})


def undo(
    session: Session, act: str, *, scopes: Collection[Scope], now: datetime, actor_id: int | None
) -> tuple[Act, int]:
    """Take back everything that was changed under this handle; the new act, and how many things it put back.

    Raises `NotFound("setup_act_not_found")`, and `Conflict("setup_changed_since")` when one of them was changed again:
    what came later is not thrown away unseen. Agents who were made are deactivated: nobody is unmade, their name stands
    in what they did. A team that was made for them stays; alone it is `Conflict("setup_nothing_before")`.
    """
    versions = rows.of_act(session, act)
    if not versions:
        raise NotFound("setup_act_not_found")
    back = Act.of(now=now, actor_id=actor_id)
    by_kind: dict[SetupKind, dict[str, SetupVersion]] = {}
    for version in versions:
        by_kind.setdefault(version.kind, {})[version.key] = version
    for kind, mine in by_kind.items():
        _may(kind, scopes)
        newest = rows.newest(session, kind, list(mine))
        if any(newest[key].number != version.number for key, version in mine.items()):
            raise Conflict("setup_changed_since")
        before = _before(session, kind, mine, alone=len(by_kind) == 1)
        restores = next(iter(mine.values())).number - 1 if len(mine) == 1 else None
        WRITERS[kind](session, before, replace(back, restores=restores))
    return back, len(versions)


def restore(
    session: Session,
    kind: SetupKind,
    key: str,
    number: int,
    *,
    scopes: Collection[Scope],
    now: datetime,
    actor_id: int | None,
) -> Act:
    """Make an earlier version count again, as a new one. Number 0 of what the house has once: the defaults.

    Raises `NotFound("setup_version_not_found")`.
    """
    _may(kind, scopes)
    wanted = rows.one(session, kind, key, number)
    if wanted is None and (number != 0 or kind not in _HAVE_DEFAULTS):
        raise NotFound("setup_version_not_found")
    act = replace(Act.of(now=now, actor_id=actor_id), restores=number)
    WRITERS[kind](session, {key: wanted.document if wanted else {}}, act)
    return act


def _before(
    session: Session, kind: SetupKind, versions: Mapping[str, SetupVersion], *, alone: bool
) -> dict[str, Document]:
    """What counted before these versions; nothing means the defaults."""
    found = rows.numbered(session, kind, {key: version.number - 1 for key, version in versions.items()})
    before = {key: found[key].document if key in found else {} for key in versions}
    new = {key: version.document for key, version in versions.items() if key not in found}
    if kind is SetupKind.AGENT:
        before |= {key: document | {"active": False} for key, document in new.items()}
    if kind is SetupKind.TEAM and new:
        if alone:
            raise Conflict("setup_nothing_before")
        before = {key: document for key, document in before.items() if key not in new}
    return before


def _may(kind: SetupKind, scopes: Collection[Scope]) -> None:
    if SCOPES[kind] not in scopes:
        raise Forbidden("scope_missing", scope=SCOPES[kind].value)
