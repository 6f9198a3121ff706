"""The carrier's signatures, against the figures that its own client library publishes."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from callback.channels.twilio import Signature


def test_published_signatures(shared: Path) -> None:
    published: dict[str, Any] = json.loads((shared / "vectors" / "twilio_signatures.json").read_text())
    assert len(published["cases"]) >= 5
    for case in published["cases"]:
        url = urlsplit(case["url"])
        signature = Signature(auth_token=published["token"], public_url=f"{url.scheme}://{url.netloc}/")
        form = [tuple(pair) for pair in case["params_list"]] if "params_list" in case else list(case["params"].items())
        holds = signature.holds(path=url.path, query=url.query, form=form, signature=case["signature"])
        assert holds is case.get("valid", True), case


@pytest.mark.parametrize(
    ("path", "query", "form"),
    [
        ("/myapp.php", "foo=1&bar=3", [("CallSid", "CA1")]),
        ("/other.php", "foo=1&bar=2", [("CallSid", "CA1")]),
        ("/myapp.php", "foo=1&bar=2", [("CallSid", "CA2")]),
        ("/myapp.php", "foo=1&bar=2", [("CallSid", "CA1"), ("More", "x")]),
        ("/myapp.php", "", [("CallSid", "CA1")]),
    ],
)
def test_any_change_breaks_it(path: str, query: str, form: list[tuple[str, str]]) -> None:
    from twilio.request_validator import RequestValidator

    signed = RequestValidator("12345").compute_signature("https://x.example/myapp.php?foo=1&bar=2", {"CallSid": "CA1"})
    signature = Signature(auth_token="12345", public_url="https://x.example")
    right = signature.holds(path="/myapp.php", query="foo=1&bar=2", form=[("CallSid", "CA1")], signature=signed)
    assert right
    assert not signature.holds(path=path, query=query, form=form, signature=signed)
