"""A clock that runs as the real one does but began at ten in the morning in New York: customers there are awake."""

import os
from datetime import UTC, datetime

from callback.clock import utc_now

WEDNESDAY_MORNING = datetime(2026, 3, 11, 14, 0, tzinfo=UTC)


def clock() -> datetime:
    """Every process of one benchmark reads the same: the beginning is in the environment."""
    began = os.environ.setdefault("CALLBACK_BENCH_BEGAN", utc_now().isoformat())
    return WEDNESDAY_MORNING + (utc_now() - datetime.fromisoformat(began))
