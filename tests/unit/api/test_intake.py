import pytest

from callback.api.intake import MAX_DEPTH, Refused, check_json


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "json_malformed"),
        (b"\xff\xfe\xfa", "json_malformed"),
        (b'{"a": NaN}', "json_malformed"),
        (b"[-Infinity]", "json_malformed"),
        (b"9" * 5000, "json_malformed"),
        (b"9223372036854775808", "number_too_large"),
        (b"[1e999]", "number_too_large"),
        (b'["\\u0000"]', "nul_character"),
        (b'{"a\\u0000": 1}', "nul_character"),
        (b'{"a": ["\\ud800"]}', "lone_surrogate"),
        (b"[" * 100_000 + b"]" * 100_000, "json_malformed"),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "json_too_deep"),
    ],
)
def test_what_no_database_can_hold_does_not_come_in(body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check_json(body)
    assert refused.value.code == code
    assert 400 <= refused.value.status < 500


@pytest.mark.parametrize(
    "body", [b'{"a": "\\ud83d\\ude00"}', b"[9223372036854775807, -1.5, null, true]", '"王"'.encode()]
)
def test_ordinary_json_comes_in(body: bytes) -> None:
    check_json(body)
