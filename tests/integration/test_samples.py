"""The shipped sample: ours, deterministic, workable on any day, and never where something could really be sent."""

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from callback.db.engine import SessionFactory, reading
from callback.db.tables import Agent, Callback, Case, ContactPoint, Customer, Dissatisfaction
from callback.domain.words import CallbackState, Purpose
from callback.errors import Conflict
from callback.services import samples
from callback.services.doctor import INVARIANTS, examine
from callback.services.housekeeping import break_promises
from callback.services.planning import plan_day
from callback.settings import Settings, load_settings

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_the_sample_fills_an_empty_house_and_only_that(
    sessions: SessionFactory, settings: Settings, now: datetime
) -> None:
    loaded = samples.load(sessions, settings, clock=lambda: now)
    assert (loaded.cases.created, loaded.cases.rejected) == (200, 0)
    assert len(loaded.logins) == 10
    with reading(sessions) as session:
        languages = session.execute(select(Customer.language, func.count()).group_by(Customer.language)).tuples()
        assert dict(list(languages)) == {"zh": 100, "en": 100}
        assert session.scalars(select(ContactPoint.id).where(~ContactPoint.fictional)).all() == []
        assert session.scalar(select(func.count()).select_from(Dissatisfaction)) == 11
        assert session.scalar(select(func.count()).where(Case.parent_id.is_not(None))) == 2
        hashed = session.scalars(select(Agent.password_hash)).all()
        assert all(one and PasswordHasher().verify(one, samples.PASSWORD) for one in hashed[:2])
    with pytest.raises(Conflict) as refused:
        samples.load(sessions, settings, clock=lambda: now)
    assert refused.value.code == "sample_needs_empty_house"


def test_no_real_carrier_ever_meets_the_sample(sessions: SessionFactory, settings: Settings, now: datetime) -> None:
    real = load_settings(database_url=settings.database_url, twilio_account_sid="AC0")
    with pytest.raises(Conflict) as refused:
        samples.load(sessions, real, clock=lambda: now)
    assert refused.value.code == "sample_with_real_carrier"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 10, 16, 1, tzinfo=UTC),  # a minute past midnight in Shanghai
        datetime(2026, 3, 14, 15, 30, tzinfo=UTC),  # Saturday, late in the evening
        datetime(2026, 10, 1, 2, 0, tzinfo=UTC),  # the first of a week of holidays in China
        datetime(2028, 2, 29, 7, 0, tzinfo=UTC),
    ],
)
def test_there_is_work_to_show_at_any_hour(sessions: SessionFactory, settings: Settings, moment: datetime) -> None:
    samples.load(sessions, settings, clock=lambda: moment)
    with sessions.begin() as session:
        break_promises(session, now=moment)  # as the worker's first tick does
    plan_day(sessions, now=moment, zone=SHANGHAI)
    with reading(sessions) as session:
        placed = session.scalar(select(func.count()).where(Callback.state == CallbackState.ASSIGNED)) or 0
        assert placed >= 40
        made = Counter(session.scalars(select(Callback.purpose)))
        wanted = {Purpose.ANSWER, Purpose.HOLDING, Purpose.SURVEY, Purpose.SECOND_CALL, Purpose.FOLLOW_UP}
        assert wanted <= set(made)
        assert [one for one in examine(session, INVARIANTS, now=moment) if not one.holds] == []


def test_every_number_is_made_up() -> None:
    """China: 120… is no mobile prefix. North America: 555-01xx. Britain: 07700 900xxx."""
    with (samples.SAMPLE / "cases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number = row["Telephone"]
            if not number:
                continue
            parsed = phonenumbers.parse(number)
            national = str(parsed.national_number)
            if parsed.country_code == 86:
                assert national.startswith("120")
                assert not phonenumbers.is_valid_number(parsed)
            elif parsed.country_code == 1:
                assert national[3:8] == "55501"
            else:
                assert parsed.country_code == 44
                assert national.startswith("7700900")
            assert "example.com" in (row["E-mail"] or "example.com")


def test_times_are_told_from_today(tmp_path: Path) -> None:
    now = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
    assert samples.absolute("-2d 09:30", now=now, zone=SHANGHAI) == "2026-03-09T09:30+08:00"
    assert samples.absolute("-0d 18:00", now=now, zone=SHANGHAI) == "2026-03-11T10:00+08:00"
    assert samples.absolute("+0d 18:00", now=now, zone=SHANGHAI) == "2026-03-11T18:00+08:00"
    assert samples.absolute("closed", now=now, zone=SHANGHAI) == "closed"
    files = [tmp_path / name for name in ("a.csv", "b.csv")]
    for path in files:
        samples.write_cases(path, now=now, zone=SHANGHAI)
    assert files[0].read_bytes() == files[1].read_bytes()
    samples.write_cases(files[1], now=now + timedelta(days=1), zone=SHANGHAI)
    assert files[0].read_bytes() != files[1].read_bytes()
