"""What is refused before the first real message would be a mistake."""

from pathlib import Path

import pytest

from callback.channels.readiness import check_ready, is_here, unready
from callback.errors import Invalid
from callback.settings import Settings
from callback.texts import LANGUAGES, say

TWILIO = {"twilio_account_sid": "AC1", "twilio_auth_token": "x", "twilio_from": "+15005550006"}
SMTP = {"smtp_from": "care@example.com"}
PUBLIC = {"public_url": "https://callback.example", "company": "Blue Sky"}


def _codes(**settings: object) -> list[str]:
    return [fault.code for fault in unready(Settings(**settings))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "way", [TWILIO, {"smtp_host": "mail.example.com", **SMTP}, {"channels": "of_another_package"}], ids=str
)
def test_a_real_way_out_needs_an_address_and_a_name(way: dict[str, str]) -> None:
    assert _codes(**way) == ["public_url_not_public", "company_not_set"]
    assert _codes(**way, public_url="https://callback.example") == ["company_not_set"]
    assert _codes(**way, public_url="http://[::1]:8000", company="Blue Sky") == ["public_url_not_public"]
    assert _codes(**way, **PUBLIC) == []
    with pytest.raises(Invalid) as refused:
        check_ready(Settings(**way))  # type: ignore[arg-type]
    assert refused.value.code == "public_url_not_public"


@pytest.mark.parametrize(
    "way",
    [
        {},
        {"channels": "none", **TWILIO},
        {"channels": "sandbox_sms,sandbox_voice,sandbox_email", **TWILIO},
        {"twilio_api_url": "http://127.0.0.1:4010", **TWILIO},
        {"smtp_host": "localhost", **SMTP},
    ],
    ids=str,
)
def test_a_try_out_needs_neither(way: dict[str, str]) -> None:
    assert _codes(**way) == []
    check_ready(Settings(**way))  # type: ignore[arg-type]


def test_a_gateway_is_where_its_file_says(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    text = 'url = "{}"\nsender = "1"\nsecret_env = "X"\n[answers]\nid = "id"\n'
    file.write_text(text.format("http://127.0.0.1:9/send"))
    assert _codes(gateway_file=str(file)) == []
    file.write_text(text.format("https://sms.example.cn/send"))
    assert _codes(gateway_file=str(file)) == ["public_url_not_public", "company_not_set"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.8.9.1", "::1", "::", "", None])
def test_this_machine(host: str | None) -> None:
    assert is_here(host)


@pytest.mark.parametrize("host", ["callback.example", "10.0.0.5", "localhost.example"])
def test_another_machine(host: str) -> None:
    assert not is_here(host)


def test_the_sentence_names_what_to_set() -> None:
    for fault in unready(Settings(**TWILIO)):  # type: ignore[arg-type]
        for language in LANGUAGES:
            told = say(f"error.{fault.code}", language, **fault.params)
            assert "CALLBACK_PUBLIC_URL" in told or "CALLBACK_COMPANY" in told
            assert "twilio_sms" in told
