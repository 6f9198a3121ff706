"""A centre is staffed from the command line: agents, their week, their absences."""

from collections.abc import Callable
from datetime import date, time

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from callback.bootstrap import House
from callback.cli import app
from callback.cli.shifts import parse_week
from callback.db.tables import Shift, ShiftException
from callback.domain.roster import Stretch
from callback.errors import Invalid


def test_a_week_as_people_write_it() -> None:
    assert parse_week(["mon-tue 9:00-12:00 14:00-18:00", "Sat 10:00-14:00"]) == [
        Stretch(0, time(9), time(12)),
        Stretch(0, time(14), time(18)),
        Stretch(1, time(9), time(12)),
        Stretch(1, time(14), time(18)),
        Stretch(5, time(10), time(14)),
    ]


@pytest.mark.parametrize("text", ["", "mon", "noday 09:00-10:00", "mon 25:00-26:00", "mon 09:00", "fri 9-17"])
def test_what_is_not_a_week_is_named(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_week([text])
    assert refused.value.code == "shift_not_understood"


def test_shifts_and_absences(house: House, make_agent: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    import callback.cli.commands  # noqa: F401

    make_agent("li")
    monkeypatch.setenv("CALLBACK_DATABASE_URL", house.settings.database_url)
    monkeypatch.setenv("CALLBACK_ENV_FILE", "/dev/null")
    runner = CliRunner()
    assert runner.invoke(app, ["agent", "shifts", "li", "mon-fri 09:00-12:00 14:00-18:00"]).exit_code == 0
    assert runner.invoke(app, ["agent", "absent", "li", "2026-03-12", "2026-03-13", "--reason", "ill"]).exit_code == 0
    assert runner.invoke(app, ["agent", "shifts", "li", "mon 12:00-09:00"]).exit_code == 2
    assert runner.invoke(app, ["agent", "shifts", "nobody", "mon 09:00-10:00"]).exit_code == 2
    with house.sessions() as session:
        assert len(session.scalars(select(Shift)).all()) == 10
        assert session.scalars(select(ShiftException.day)).all() == [date(2026, 3, 12), date(2026, 3, 13)]
