"""When people answer: learned from every dial that has ended, asked by the planner, measured against the holdout."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db import contact_rates as rows
from callback.db.engine import SessionFactory, reading
from callback.db.policies import load_policy
from callback.domain.contact import PARTS, Arm, Cell, Forecast, PairCell, PairTally, Tally, arm_of, pairs_with
from callback.domain.rate import wilson
from callback.domain.uplift import Uplift, uplift
from callback.domain.words import ContactKind, PartOfDay
from callback.texts import Language, say

CHUNK = 5_000


def learn(sessions: SessionFactory) -> int:
    """Count every ended attempt that has not been counted; how many there were. Safe to run anywhere, at any time."""
    learned = 0
    while True:
        with sessions.begin() as session:
            found = learn_chunk(session)
        learned += found
        if found < CHUNK:
            return learned


def learn_chunk(session: Session, *, limit: int = CHUNK) -> int:
    """Up to `limit` of them in the caller's transaction: each attempt is counted exactly once."""
    found, dials = rows.take_unlearned(session, limit=limit)
    share = load_policy(session).holdout_share
    cells: defaultdict[Cell, Tally] = defaultdict(Tally)
    pairs: defaultdict[PairCell, PairTally] = defaultdict(PairTally)
    trials = rows.lock_trials(session, (dial.customer_id for dial in dials))
    for dial in dials:
        # The comparison keeps whoever was once in it, also after a refusal: else the arms would lose different people.
        trial, arm = trials[dial.customer_id], arm_of(dial.customer_id, share)
        trial.arms[arm] += Tally(1, int(dial.reached))
        if not dial.off:
            cells[dial.cell] += Tally(1, int(dial.reached))
            for pair, tally in pairs_with(trial.history, dial.cell.kind, dial.cell.part, reached=dial.reached):
                pairs[pair] += tally
            trial.history = trial.history.after(dial.cell.part, reached=dial.reached)
    rows.add_counts(session, cells)
    rows.add_pairs(session, pairs)
    rows.write_trials(session, trials)
    return found


def load_forecast(session: Session, *, seed: int) -> Forecast:
    """The forecast from everything that was counted. See `seed_of`."""
    return Forecast(rows.counts(session), rows.pairs(session), seed=seed)


def seed_of(now: datetime, zone: ZoneInfo) -> int:
    """One seed for each of the centre's days: draws change overnight, and not under the hands of the agents."""
    day: date = now.astimezone(zone).date()
    return day.toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRate:
    """One part of the day: what was counted, and what is expected. Weekdays are Monday to Sunday."""

    kind: ContactKind
    part: PartOfDay
    tried: int
    reached: int
    interval: tuple[float, float] | None
    """Wilson, 95 %, of what was counted."""
    expected: tuple[float, ...]
    """By weekday."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactReport:
    slots: tuple[SlotRate, ...]
    uplift: Uplift
    holdout_share: float


def report(sessions: SessionFactory) -> ContactReport:
    """What was learned, and what it is worth."""
    with reading(sessions) as session:
        counts = rows.counts(session)
        arms = rows.arms(session)
        share = load_policy(session).holdout_share
    return ContactReport(
        slots=tuple(_slots(counts)),
        uplift=uplift(arms[Arm.LEARNED], arms[Arm.HOLDOUT]),
        holdout_share=share,
    )


def _slots(counts: dict[Cell, Tally]) -> Iterator[SlotRate]:
    forecast = Forecast(counts)
    for kind in (ContactKind.MOBILE, ContactKind.LANDLINE, ContactKind.PHONE):
        for part in PARTS:
            tally = sum((counts.get(Cell(kind, part, day), Tally()) for day in range(7)), Tally())
            yield SlotRate(
                kind=kind,
                part=part,
                tried=tally.tried,
                reached=tally.reached,
                interval=wilson(tally.reached, tally.tried),
                expected=tuple(forecast.probability(kind, part, day) for day in range(7)),
            )


def tell(found: Uplift, language: Language) -> str:
    """The verdict in a sentence. It promises nothing that the holdout has not shown."""
    if found.difference is None or found.lasting is None:
        return say("contact.evidence.nothing_yet", language)
    low, high = found.lasting
    points = {"difference": f"{found.difference * 100:+.2f}", "low": f"{low * 100:+.2f}", "high": f"{high * 100:+.2f}"}
    return say(f"contact.evidence.{found.evidence}", language, **points)
