import re

import pytest

from callback.domain.disposition import FINAL, Outcome, aapor_code, outcome, spoke
from callback.domain.words import Disposition

CATEGORIES = {"1.1": "I", "1.2": "P", "2.1": "R", "2.2": "NC", "2.3": "O", "3.1": "UO", "3.3": "UO"}


@pytest.mark.parametrize("disposition", list(Disposition))
def test_the_code_and_the_category_agree(disposition: Disposition) -> None:
    """The first two figures of an AAPOR code name its category."""
    code = aapor_code(disposition)
    assert re.fullmatch(r"[123]\.\d{1,3}", code)
    assert outcome(disposition) is Outcome(CATEGORIES[code[:3]])


def test_everything_has_a_code() -> None:
    assert set(FINAL) == set(Disposition)


def test_a_refusal_is_the_known_persons_and_a_break_off_is_apart() -> None:
    assert aapor_code(Disposition.REFUSED) == "2.112"
    assert aapor_code(Disposition.BREAK_OFF) == "2.12"


def test_who_spoke() -> None:
    silent = {disposition for disposition in Disposition if not spoke(disposition)}
    assert silent == {
        Disposition.NO_ANSWER,
        Disposition.BUSY,
        Disposition.ANSWERING_MACHINE,
        Disposition.SWITCHED_OFF,
        Disposition.DEAD_NUMBER,
        Disposition.TECHNICAL_FAILURE,
        Disposition.NO_RESPONSE,
    }
    assert not spoke(None)
