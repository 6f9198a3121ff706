"""Telephone numbers and e-mail addresses as people write them, made into contact points; country and zone derived."""

import functools
import re
import unicodedata
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import PhoneMetadata, PhoneNumberDesc, PhoneNumberType, region_codes_for_country_code
from phonenumbers.timezone import time_zones_for_geographical_number
from phonenumbers.tzdata import TIMEZONE_LONGEST_PREFIX

from callback.domain.words import ContactKind
from callback.errors import Invalid

_SEPARATORS = re.compile(r"\s*(?:[,;|、\n/]|\bor\b|或)\s*", re.IGNORECASE)
_BLANKS = re.compile(r"[,;，；、]")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_EXTENSION = re.compile(r"\s*(?:转|轉|分机号?|分機)\s*:?\s*(?=\d{1,7}\b)")
_KINDS = {PhoneNumberType.MOBILE: ContactKind.MOBILE, PhoneNumberType.FIXED_LINE: ContactKind.LANDLINE}


class ContactDraft(NamedTuple):
    """A contact point that is not in the database yet."""

    kind: str
    address: str
    extension: str | None = None
    country: str | None = None
    """ISO code, of a telephone number whose numbering plan tells it."""


class BadContactError(ValueError):
    """`value` is no telephone number or no e-mail address."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


def phones(text: str, region: str, *, fictional: bool = False) -> list[ContactDraft]:
    """Every number in `text` (several are separated by comma, semicolon, slash, 、 or a line break), in its order.

    `region` (ISO 3166-1) reads numbers without a country code. Full-width digits and extensions (转 801, ext. 801) are
    understood. With `fictional`, a number that has a possible length is enough: made-up numbers are in no numbering
    plan. Raises `BadContactError` with the first part that is no number.
    """
    if _GROUPED.fullmatch(text):
        return [_phone(text, region, fictional=fictional)]
    if not text.isascii():
        text = _EXTENSION.sub(" ext. ", unicodedata.normalize("NFKC", text))
    if not _SEPARATORS.search(text):
        return [_phone(text, region, fictional=fictional)]
    try:
        found = [_phone(part, region, fictional=fictional) for part in _SEPARATORS.split(text) if part]
    except BadContactError:
        if "/" not in text:
            raise
        # A slash separates numbers, but also the area code in some countries: 030/1234567.
        found = phones(text.replace("/", " "), region, fictional=fictional)
    return list({draft.address: draft for draft in found}.values())


def _phone(text: str, region: str, *, fictional: bool) -> ContactDraft:
    plan = _plan(region)
    if plan is not None and (draft := plan.read(text)) is not None:
        return draft
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise BadContactError(text) from None
    # UNKNOWN is what the numbering plan says of a number that nobody can have: one look-up for validity and kind.
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN and not (fictional and phonenumbers.is_possible_number(number)):
        raise BadContactError(text)
    address = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return ContactDraft(_KINDS.get(kind, ContactKind.PHONE).value, address, number.extension, _country_of(number))


class _Plan:
    """A country's numbering plan as one pattern for numbers that need no parser: national digits, in groups or not.

    Most numbers in files are such, and this saves four fifths of the time. It is made of the library's own patterns, in
    the order in which `phonenumbers.number_type` asks them; a test holds it to the parser. What it does not take it
    leaves to the parser.
    """

    def __init__(self, metadata: PhoneMetadata, country: str) -> None:
        self._country = country
        self._code = f"+{metadata.country_code}"
        self._abroad = _starting(metadata.international_prefix)
        self._prefix = _starting(metadata.national_prefix_for_parsing)
        # A carrier's code between prefix and number, or a rule that rewrites it, is the parser's business.
        self._trunk = None if metadata.national_prefix_transform_rule else metadata.national_prefix
        self._kinds = re.compile(_kinds_pattern(metadata))

    def read(self, text: str) -> ContactDraft | None:
        """The number as a contact point; None for what has to be parsed (which may find that it is no number)."""
        if not (text.isascii() and text.isdigit()):
            if not _GROUPED.fullmatch(text):
                return None
            text = text.replace("-", "").replace(" ", "")
        if self._abroad is not None and self._abroad.match(text):
            return None
        if self._prefix is not None and (prefix := self._prefix.match(text)):
            if prefix[0] != self._trunk:
                return None
            text = text[prefix.end() :]
        if text[:1] == "0" or (found := self._kinds.fullmatch(text)) is None:
            return None
        return ContactDraft(found.lastgroup or "", self._code + text, None, self._country)


_GROUPED = re.compile(r"[0-9]+(?:[- ][0-9]+)*")
_SPECIAL_KINDS = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")


@functools.cache
def _plan(region: str) -> _Plan | None:
    """None where a calling code has several countries: which one a number belongs to is the library's to say."""
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or region_codes_for_country_code(metadata.country_code or 0) != (region,):
        return None
    return _Plan(metadata, region)


def _starting(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


def _kinds_pattern(metadata: PhoneMetadata) -> str:
    """What matches is a number of the country; the group's name is the kind."""
    special = "|".join(filter(None, (_described(getattr(metadata, name)) for name in _SPECIAL_KINDS)))
    fixed, mobile = _described(metadata.fixed_line), _described(metadata.mobile)
    either = fixed if metadata.same_mobile_and_fixed_line_pattern else fixed and mobile and f"(?={mobile}\\Z){fixed}"
    kinds = (
        ("phone", "|".join(filter(None, (special, either)))),
        ("landline", fixed),
        ("mobile", "" if metadata.same_mobile_and_fixed_line_pattern else mobile),
    )
    groups = "|".join(f"(?P<{ContactKind(kind).value}>{pattern})" for kind, pattern in kinds if pattern)
    return f"(?={_described(metadata.general_desc)}\\Z)(?:{groups})"


def _described(description: PhoneNumberDesc | None) -> str:
    """The pattern with the lengths that the description allows; empty where there is none."""
    if description is None or not description.national_number_pattern:
        return ""
    lengths = "|".join(f"[0-9]{{{length}}}" for length in description.possible_length)
    return f"(?:(?=(?:{lengths})\\Z)(?:{description.national_number_pattern}))"


def one_address(text: str, region: str) -> str:
    """One telephone number or e-mail address as it is kept. Raises `Invalid` (`bad_phone`, `bad_email`)."""
    code = "bad_email" if "@" in text else "bad_phone"
    try:
        drafts = emails(text) if "@" in text else phones(text, region)
    except BadContactError as error:
        raise Invalid(code, value=error.value[:80], region=region) from None
    if len(drafts) != 1:
        raise Invalid(code, value=text[:80], region=region)
    return drafts[0].address


def emails(text: str) -> list[ContactDraft]:
    """Every e-mail address in `text`, lower case; its syntax is checked alone. Raises `BadContactError`."""
    return [_email(part) for part in dict.fromkeys(_BLANKS.sub(" ", text).split())]


def _email(text: str) -> ContactDraft:
    text = text.removeprefix("mailto:")
    name, _, host = text.rpartition("@")
    if not (_PLAIN_NAME.fullmatch(name) and len(name) <= 64 and _host_is_valid(host)):
        try:
            text = validate_email(text, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError:
            raise BadContactError(text) from None
    return ContactDraft(ContactKind.EMAIL.value, text.lower())


@functools.lru_cache(maxsize=65_536)
def _host_is_valid(host: str) -> bool:
    """Most addresses share few hosts; the part before the @ of nearly all is plain letters, digits and dots."""
    try:
        validate_email(f"a@{host}", check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return host.isascii()


def _country_of(number: phonenumbers.PhoneNumber) -> str | None:
    """ISO country; None where the code is of no country (satellites) or shared and the plan does not tell."""
    regions = region_codes_for_country_code(number.country_code or 0)
    region = regions[0] if len(regions) == 1 else phonenumbers.region_code_for_number(number)
    return str(region) if region and region.isalpha() else None


def zone_of(address: str, country: str | None = None) -> str | None:
    """IANA zone of an E.164 number; None when its prefix lies in several zones (most mobiles of wide countries)."""
    if country is not None and country in _narrow_countries():
        return zone_of_country(country)
    return _zone_of_prefix(address[1 : 1 + TIMEZONE_LONGEST_PREFIX])


@functools.lru_cache(maxsize=65_536)
def _zone_of_prefix(digits: str) -> str | None:
    """Only the first digits decide, so few look-ups answer a million numbers."""
    number = phonenumbers.parse("+" + digits.ljust(8, "0"), None)
    zones = time_zones_for_geographical_number(number)
    return zones[0] if len(zones) == 1 and zones[0] != "Etc/Unknown" else None


_MAIN_ZONES = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "ES": "Europe/Madrid",
    "ID": "Asia/Jakarta",
    "KZ": "Asia/Almaty",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "US": "America/New_York",
}
"""Where most people of a country with several zones live; IANA's own order is by geography."""


def zone_of_country(country: str) -> str | None:
    """The zone in which most people of a country live; in a wide one a prefix or a column tells better."""
    return _MAIN_ZONES.get(country) or next(iter(_zones().get(country, ())), None)


@functools.cache
def _narrow_countries() -> frozenset[str]:
    """Countries with one zone, where no prefix needs to be looked up. All of China lives by Beijing time."""
    return frozenset(country for country, zones in _zones().items() if len(zones) == 1) | {"CN"}


@functools.cache
def _zones() -> dict[str, list[str]]:
    """ISO country → its zones, from IANA's own table."""
    zones: dict[str, list[str]] = {}
    table = resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones.setdefault(country, []).append(zone)
    return zones


@functools.lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether `name` is an IANA zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
