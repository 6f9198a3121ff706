import pytest

from callback.domain.search import Wanted, wanted


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("5678", Wanted("5678", "", "5678")),
        (" ５６７８ ", Wanted("5678", "", "5678")),
        ("138 0013 8000", Wanted("13800138000", "", "138 0013 8000")),
        ("+86 138-0013-8000", Wanted("8613800138000", "", "+86 138-0013-8000")),
        ("010 1234 5678", Wanted("1012345678", "", "010 1234 5678")),
        ("0013", Wanted("0013", "", "0013")),
        ("17", Wanted("", "", "17")),
        ("王小明", Wanted("", "王小明", "王小明")),
        ("王 5678", Wanted("5678", "王", "王 5678")),
        ("5678 Mei  Wang", Wanted("5678", "Mei Wang", "5678 Mei Wang")),
        ("Wang 12", Wanted("", "Wang", "Wang 12")),
        ("ZH-0017", Wanted("", "ZH-0017", "ZH-0017")),
        ("", Wanted()),
        ("   ", Wanted()),
        ("x" * 100_000, Wanted("", "x" * 100, "x" * 100)),
    ],
)
def test_what_is_typed_is_understood(typed: str, found: Wanted) -> None:
    assert wanted(typed) == found
