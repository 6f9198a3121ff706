"""Set-up without a programmer, used as a supervisor and an administrator would."""

from typing import Literal

import pytest

from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look

PAGES = {
    "setup": "/setup",
    "setup-agents": "/setup/agents",
    "setup-agent": "/setup/agents/3",
    "setup-teams": "/setup/teams",
    "setup-skills": "/setup/skills",
    "setup-shifts": "/setup/shifts",
    "setup-shifts-one": "/setup/shifts/3?month=2026-05",
    "setup-policy": "/setup/policy",
    "setup-calendars": "/setup/calendars",
    "setup-retry": "/setup/retry",
    "setup-retry-one": "/setup/retry/busy",
    "setup-escalation": "/setup/escalation",
    "setup-escalation-one": "/setup/escalation/unhappy_critical",
    "notices": "/notices",
    "setup-channels": "/setup/channels",
}


@BOTH
@WIDTHS
@pytest.mark.parametrize("name", PAGES)
def test_every_page(site: Site, look: Look, name: str, language: Literal["en", "zh"], width: int) -> None:
    look(site.open(PAGES[name], login="admin", language=language, width=width), name)
