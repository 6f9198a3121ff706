"""Segments as the networks count them."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.sms import Encoding, segments


def test_published_figures(shared: Path) -> None:
    cases = json.loads((shared / "vectors/sms_segments.json").read_text(encoding="utf-8"))["cases"]
    assert len(cases) >= 8
    for case in cases:
        found = segments(case["char"] * case["count"])
        assert (found.encoding.value, found.segments) == (case["encoding"], case["segments"]), case


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", Encoding.GSM_7, 0, 0),
        ("€" * 80, Encoding.GSM_7, 160, 1),
        ("€" * 80 + "a", Encoding.GSM_7, 161, 2),
        # 153 septets hold 76 whole euro signs: the 77th begins the next segment, and so does the 153rd.
        ("€" * 152, Encoding.GSM_7, 304, 2),
        ("€" * 153, Encoding.GSM_7, 306, 3),
        ("a" * 160 + "。", Encoding.UCS_2, 161, 3),
        ("😀" * 35, Encoding.UCS_2, 70, 1),
        ("😀" * 36, Encoding.UCS_2, 72, 2),
        # 67 code units hold 33 whole pairs.
        ("😀" * 66, Encoding.UCS_2, 132, 2),
        ("😀" * 67, Encoding.UCS_2, 134, 3),
        ("`", Encoding.UCS_2, 1, 1),
        ("ç", Encoding.UCS_2, 1, 1),
        ("Ç", Encoding.GSM_7, 1, 1),
        ("您" * 70, Encoding.UCS_2, 70, 1),
        ("您" * 71, Encoding.UCS_2, 71, 2),
    ],
)
def test_edges(text: str, encoding: Encoding, units: int, count: int) -> None:
    found = segments(text)
    assert (found.encoding, found.units, found.segments) == (encoding, units, count)


def test_price() -> None:
    assert segments("您" * 71).price(Decimal("0.0079")) == Decimal("0.0158")


@given(st.text(max_size=500))
def test_a_longer_text_never_takes_fewer_segments(text: str) -> None:
    assert segments(text + "a").segments >= segments(text).segments
    assert segments(text).units <= 160 * max(segments(text).segments, 1)
