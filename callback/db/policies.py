"""The figures of the house and the retry table: what is stored, laid over the defaults of the domain."""

from collections import defaultdict
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.tables import PolicyVersion, RetryRule
from callback.domain.policy import LEGAL_CEILING, LEGAL_FLOOR, Policy
from callback.domain.retry import DEFAULT_TABLE, RetryStep, RetryTable
from callback.domain.words import Disposition
from callback.errors import Invalid


def load_figures(session: Session) -> dict[str, Any]:
    """The figures that differ from the defaults, as they are stored."""
    newest = select(PolicyVersion.figures).order_by(PolicyVersion.id.desc()).limit(1)
    return session.scalars(newest).first() or {}


def load_policy(session: Session) -> Policy:
    """The policy in force: the newest version; figures it lacks have their default."""
    return Policy().changed(load_figures(session))


def save_policy(session: Session, *, now: datetime, figures: dict[str, Any], by_id: int | None = None) -> Policy:
    """Make `figures` (all that shall differ from the defaults, in their stored form) the policy from now on.

    Raises `Invalid` (`policy_figure`) naming what is unknown or impossible; nothing is changed then.
    """
    try:
        policy = Policy().changed(figures)
    except (ValueError, TypeError, AttributeError) as error:
        raise Invalid("policy_figure", problem=str(error)) from error
    problem = _impossible(policy)
    if problem is not None:
        raise Invalid("policy_figure", problem=problem)
    session.add(PolicyVersion(figures=figures, created_at=now, created_by_id=by_id))
    session.flush()
    return policy


def _impossible(policy: Policy) -> str | None:
    """What no centre can mean, or None. Windows may only be narrower than the legal limits."""
    for start, end in policy.calling_windows:
        if not LEGAL_FLOOR <= start < end <= LEGAL_CEILING:
            return f"calling_windows: {start:%H:%M}–{end:%H:%M} is not inside {LEGAL_FLOOR:%H:%M}–{LEGAL_CEILING:%H:%M}"
    for name in ("survey_rest", "survey_after", "survey_due", "survey_expires", "cool_off", "freeze", "owner_wait"):
        if getattr(policy, name) < timedelta(0):
            return f"{name}: negative"
    for name in ("slot", "handling_time", "claim_lease", "survey_wait"):
        if getattr(policy, name) <= timedelta(0):
            return f"{name}: not above zero"
    for name, most in (("slot_overfill", 1), ("holdout_share", 0.5)):
        if not 0 <= getattr(policy, name) <= most:
            return f"{name}: not a share between 0 and {most:g}"
    for name in ("attempts_per_day", "attempts_per_callback", "planning_horizon_days", "promise_days"):
        if type(getattr(policy, name)) is not int or getattr(policy, name) < 1:
            return f"{name}: not a whole number above zero"
    return None


def load_retry_table(session: Session) -> RetryTable:
    """The default table, with the stored steps of a disposition in place of its default ones."""
    stored: defaultdict[Disposition, list[RetryStep]] = defaultdict(list)
    for row in session.scalars(select(RetryRule).order_by(RetryRule.disposition, RetryRule.nth)):
        stored[row.disposition].append(
            RetryStep(
                delay=None if row.delay_minutes is None else timedelta(minutes=row.delay_minutes),
                other_part_of_day=row.other_part_of_day,
                next_contact_point=row.next_contact_point,
                counts=row.counts,
            )
        )
    return MappingProxyType({**DEFAULT_TABLE, **{disposition: tuple(steps) for disposition, steps in stored.items()}})
