"""Whether what is configured can be let out into the world: what would only be noticed by customers is refused before.

Asked by what sends and serves (`callback serve`, `callback worker`), and by the doctor. Try-outs are not in its way: a
sandbox sends nothing, and neither does a carrier, a gateway or a mail server that stands in for one on this machine.
"""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from callback.channels.gateway import read_file
from callback.errors import Invalid
from callback.settings import Settings


def unready(settings: Settings) -> tuple[Invalid, ...]:
    """What must be set before the first real message; empty when nothing is missing, or nothing is real."""
    ways = ", ".join(name for name in settings.channel_names() if _leaves(name, settings))
    return tuple(_missing(settings, ways)) if ways else ()


def check_ready(settings: Settings) -> None:
    """Raises the first of them."""
    for fault in unready(settings):
        raise fault


def _missing(settings: Settings, ways: str) -> Iterator[Invalid]:
    if is_here(urlsplit(settings.public_url).hostname):
        # The carrier could tell us nothing of what became of it, and customers would have a link to themselves.
        yield Invalid("public_url_not_public", url=settings.public_url, channels=ways)
    if settings.company == type(settings).model_fields["company"].default:
        yield Invalid("company_not_set", company=settings.company, channels=ways)


def _leaves(name: str, settings: Settings) -> bool:
    """Whether this channel reaches beyond this machine. One that another package brought along is taken to."""
    if name.startswith("sandbox_"):
        return False
    if name.startswith("twilio_"):
        return settings.twilio_api_url is None or not is_here(urlsplit(settings.twilio_api_url).hostname)
    if name == "smtp":
        return not is_here(settings.smtp_host)
    if name == "gateway" and settings.gateway_file is not None:
        return not is_here(urlsplit(read_file(settings.gateway_file).url).hostname)
    return True


def is_here(host: str | None) -> bool:
    """This machine itself, as every machine calls itself; no host at all is nowhere else either."""
    name = (host or "").strip("[]").rstrip(".").lower()
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
