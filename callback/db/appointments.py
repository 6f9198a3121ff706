"""Appointments as the planner has to know them."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.among import among, plain
from callback.db.tables import Appointment, Callback
from callback.domain.duration import Durations
from callback.domain.moment import Interval
from callback.domain.words import AppointmentState, CallbackState


def standing(
    session: Session,
    *,
    since: datetime,
    durations: Durations,
    except_for: Collection[int] = (),
    only: Collection[int] | None = None,
) -> dict[int, tuple[Interval, ...]]:
    """Per agent: when appointments that have their place keep them busy, as long as such calls take them.

    `only`: of these agents. Those that are asked about (`except_for`) do not stand.
    """
    query = (
        select(Callback.id, Callback.agent_id, Callback.planned_at, Callback.purpose)
        .join(Appointment, Appointment.callback_id == Callback.id)
        .where(
            Appointment.state == AppointmentState.OPEN,
            Callback.state.in_((CallbackState.ASSIGNED, CallbackState.IN_PROGRESS)),
            Callback.agent_id.is_not(None),
            Callback.planned_at >= since,
        )
        .order_by(Callback.planned_at, Callback.id)
    )
    if only is not None:
        query = query.where(among(session, Callback.agent_id, only))
    found: defaultdict[int, list[Interval]] = defaultdict(list)
    for callback_id, agent_id, at, purpose in plain(session, query):
        if callback_id not in except_for:
            takes = durations.of(purpose) * durations.pace.get(agent_id, 1.0)
            found[agent_id].append(Interval(at, at + timedelta(seconds=takes)))
    return {agent_id: tuple(spans) for agent_id, spans in found.items()}


def hand_over(session: Session, successors: Mapping[int, int]) -> None:
    """An hour that was agreed is kept by the callback that is owed instead: withdrawn callback → the other one.

    By anybody: whoever the customer agreed it with may be the one who must not make the other call.
    """
    if not successors:
        return
    agreed = select(Appointment).where(
        among(session, Appointment.callback_id, successors), Appointment.state == AppointmentState.OPEN
    )
    for appointment in session.scalars(agreed.order_by(Appointment.at, Appointment.id)):
        heir = successors[appointment.callback_id]
        has_one = select(Appointment.id).where(
            Appointment.callback_id == heir, Appointment.state == AppointmentState.OPEN
        )
        if session.scalar(has_one) is None:
            appointment.callback_id, appointment.agent_id = heir, None
            session.flush()
