"""The figures of the house and the retry table, as they are stored."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from callback.db.engine import SessionFactory, reading
from callback.db.policies import load_figures, load_policy, load_retry_table, save_policy
from callback.db.tables import SetupVersion
from callback.domain.policy import Policy
from callback.domain.retry import DEFAULT_TABLE, RetryStep
from callback.domain.words import Disposition, SetupKind
from callback.errors import Invalid


def test_without_a_version_everything_has_its_default(sessions: SessionFactory) -> None:
    with reading(sessions) as session:
        assert load_policy(session) == Policy()
        assert load_figures(session) == {}
        assert load_retry_table(session) == DEFAULT_TABLE


def test_the_newest_version_counts_whole(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"attempts_per_day": 1, "cool_off": 7200})
        second = save_policy(session, now=now, figures={"calling_windows": [["10:00", "12:00"]]})
    with reading(sessions) as session:
        assert load_policy(session) == second == Policy(calling_windows=((time(10), time(12)),))


@pytest.mark.parametrize(
    ("figures", "problem"),
    [
        ({"attempts_a_day": 1}, "attempts_a_day"),
        ({"calling_windows": [["07:00", "12:00"]]}, "07:00"),
        ({"calling_windows": [["14:00", "21:30"]]}, "21:30"),
        ({"calling_windows": [["12:00", "12:00"]]}, "12:00"),
        ({"calling_windows": "always"}, ""),
        ({"cool_off": "long"}, ""),
        ({"cool_off": -1}, "cool_off"),
        ({"slot": 0}, "slot"),
        ({"attempts_per_callback": 0}, "attempts_per_callback"),
        ({"attempts_per_day": 1.5}, "attempts_per_day"),
        ({"attempts_per_day": True}, "attempts_per_day"),
        ({"automatic_countries": ["CN"]}, ""),
    ],
)
def test_what_no_centre_can_mean_changes_nothing(
    sessions: SessionFactory, now: datetime, figures: dict[str, Any], problem: str
) -> None:
    with sessions.begin() as session:
        with pytest.raises(Invalid) as refused:
            save_policy(session, now=now, figures=figures)
        assert problem in str(refused.value.params["problem"])
        assert session.scalar(select(func.count()).select_from(SetupVersion)) == 0


def test_stored_steps_replace_those_of_their_disposition(sessions: SessionFactory, now: datetime) -> None:
    steps = [
        {"delay_minutes": 5, "other_part_of_day": True, "counts": False},
        {"delay_minutes": None},
    ]
    with sessions.begin() as session:
        document = {"busy": steps}
        session.add(SetupVersion(kind=SetupKind.RETRY, key="", number=1, document=document, created_at=now))
    with reading(sessions) as session:
        table = load_retry_table(session)
    assert table[Disposition.BUSY] == (
        RetryStep(delay=timedelta(minutes=5), counts=False, other_part_of_day=True),
        RetryStep(delay=None),
    )
    assert table[Disposition.NO_ANSWER] == DEFAULT_TABLE[Disposition.NO_ANSWER]
