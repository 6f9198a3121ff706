"""Cells, dates, addresses and profiles: no database."""

import codecs
import csv
import random
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from callback.domain.address import mask
from callback.domain.case import CaseTimes, settled
from callback.domain.words import CaseStatus
from callback.errors import Invalid
from callback.services import contacts
from callback.services.imports import tables
from callback.services.imports.builtin import FIELDS
from callback.services.imports.encoding import detect_encoding
from callback.services.imports.fictional import fictional_number
from callback.services.imports.normalise import CASE_COLUMNS, CUSTOMER_COLUMNS, Draft, Normaliser, Reject, Surroundings
from callback.services.imports.profile import Profile, load_profile, read_profile
from callback.services.imports.rejects import harmless, what_to_do
from callback.services.imports.tables import Fault, open_table
from callback.services.imports.values import MomentReader, cell_text, one_line, paragraphs
from callback.texts import LANGUAGES, Language, catalogue, say

NOW = datetime(2026, 3, 11, 2, tzinfo=UTC)
AROUND = Surroundings(
    now=NOW, country="CN", time_zone="Asia/Shanghai", language="zh", agents={"li": 7}, teams={"North": 3}
)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("+8613812345678", "+86 138****5678"),
        ("+14155550123", "+1 415****123"),
        ("+85291234567", "+852 9*****67"),
        ("+86120", "+86 ***"),
        ("10086", "*****"),
        ("mei@example.com", "m***@example.com"),
    ],
)
def test_addresses_are_masked(address: str, shown: str) -> None:
    assert mask(address) == shown


@pytest.mark.parametrize(
    ("text", "region", "addresses"),
    [
        ("13812345678", "CN", ["+8613812345678"]),
        ("１３８ １２３４ ５６７８", "CN", ["+8613812345678"]),
        ("+86 138-1234-5678 / 139 1234 5678", "US", ["+8613812345678"]),
        ("13812345678、13912345678；13812345678", "CN", ["+8613812345678", "+8613912345678"]),
        ("030/23125 123", "DE", ["+493023125123"]),
        ("(415) 555-2671", "US", ["+14155552671"]),
    ],
)
def test_telephone_numbers_as_people_write_them(text: str, region: str, addresses: list[str]) -> None:
    if region == "US" and "/" in text:
        with pytest.raises(contacts.BadContactError, match="139"):
            contacts.phones(text, region)
    else:
        assert [draft.address for draft in contacts.phones(text, region)] == addresses


@pytest.mark.parametrize("text", ["010-65521234转801", "010-65521234 ext. 801", "01065521234 分机：801"])
def test_an_extension_is_kept_beside_the_number(text: str) -> None:
    (draft,) = contacts.phones(text, "CN")
    assert (draft.address, draft.extension, draft.kind, draft.country) == ("+861065521234", "801", "landline", "CN")


_KINDS = {PhoneNumberType.MOBILE: "mobile", PhoneNumberType.FIXED_LINE: "landline"}


def _parsed(text: str, region: str) -> tuple[str, str, str | None] | None:
    """Address, kind and country as the library itself has them; None for what is no number."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    kind = _KINDS.get(phonenumbers.number_type(number), "phone")
    return phonenumbers.format_number(number, 0), kind, phonenumbers.region_code_for_number(number)


@pytest.mark.parametrize("kind", [PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE])
@pytest.mark.parametrize(
    "region",
    ["CN", "US", "GB", "DE", "FR", "IT", "RU", "BR", "MX", "AR", "JP", "IN", "AU", "HK", "HU", "KR", "BY"],
)
def test_digits_mean_what_the_parser_says_they_mean(region: str, kind: int) -> None:
    """The short cut for national numbers against `phonenumbers.parse`, on many numbers of each plan: address, kind,
    country; bare or in groups, with and without the prefix for calls inside the country."""
    chance = random.Random(f"{region}{kind}")  # noqa: S311  samples
    example = phonenumbers.example_number_for_type(region, kind)
    assert example is not None
    national = str(example.national_number)
    agreed = 0
    for _ in range(1_500):
        kept = chance.randrange(len(national))
        text = national[:kept] + "".join(chance.choice("0123456789") for _ in range(len(national) - kept))
        text = text if chance.random() < 0.6 else chance.choice(("", "1", "8", "86", "0", "0", "00", "06")) + text
        for _ in range(chance.choice((0, 0, 1, 2))):
            place = chance.randrange(1, len(text))
            text = text[:place] + chance.choice("- ") + text[place:]
        wanted = _parsed(text, region)
        try:
            (draft,) = contacts.phones(text, region)
            found = (draft.address, draft.kind, draft.country)
        except contacts.BadContactError:
            found = None
        assert found == wanted, text
        agreed += wanted is not None
    assert agreed > 100, "enough valid numbers were among them"


@pytest.mark.parametrize("text", ["12345", "138123456789012", "1.38E+10", "call me", "+86 120 0000 0001"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(contacts.BadContactError):
        contacts.phones(text, "CN")


def test_made_up_numbers_pass_only_where_they_are_declared() -> None:
    for country in ("CN", "US", "DE", "GB"):
        address = fictional_number(country, 42)
        with pytest.raises(contacts.BadContactError):
            contacts.phones(address, country)
    assert contacts.phones(fictional_number("CN", 42), "CN", fictional=True)[0].address == "+8612000000042"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("A.Li@Example.com", True),
        ("王@example.com", True),
        ("x@y", False),
        ("a..b@example.com", False),
        ("@x.com", False),
    ],
)
def test_mail_addresses_are_checked_by_syntax(text: str, good: bool) -> None:
    if good:
        assert contacts.emails(text)[0].address == text.lower()
    else:
        with pytest.raises(contacts.BadContactError):
            contacts.emails(text)


@pytest.mark.parametrize(
    ("address", "country", "zone"),
    [
        ("+8613812345678", "CN", "Asia/Shanghai"),
        ("+14165550123", "CA", "America/Toronto"),
        ("+12125550123", "US", "America/New_York"),
        ("+442079460000", None, "Europe/London"),
        ("+18005551234", None, None),
    ],
)
def test_the_zone_follows_from_the_number_where_it_can(address: str, country: str | None, zone: str | None) -> None:
    assert contacts.zone_of(address, country) == zone


def test_wide_countries_have_the_zone_of_most_of_their_people() -> None:
    assert [contacts.zone_of_country(c) for c in ("AU", "US", "RU", "CN", "XX")] == [
        "Australia/Sydney",
        "America/New_York",
        "Europe/Moscow",
        "Asia/Shanghai",
        None,
    ]


def test_texts_lose_tabs_blank_runs_and_control_characters() -> None:
    assert one_line("\t a\u3000\u3000b \x00\x07c\n d ") == "a b c d"
    assert paragraphs("\n\t\t\n\tfirst  line\r\n\r\n\r\nsecond\t \n") == "first line\nsecond"
    assert one_line("half a \ud800pair") == "half a pair"


@pytest.mark.parametrize(
    ("cell", "text"), [(2549.0, "2549"), (2.5, "2.5"), (True, "true"), (None, ""), (1e20, "1e+20"), ("x", "x")]
)
def test_cells_read_as_people_read_them(cell: Any, text: str) -> None:
    assert cell_text(cell) == text


@pytest.mark.parametrize(
    ("formats", "cell", "moment"),
    [
        (["%d-%m-%Y %H:%M"], "01-06-2023 12:15", datetime(2023, 6, 1, 4, 15, tzinfo=UTC)),
        (["%Y/%m/%d %H:%M:%S"], "2019/4/25 9:32:09", datetime(2019, 4, 25, 1, 32, 9, tzinfo=UTC)),
        (["%Y年%m月%d日"], "2019年4月25日", datetime(2019, 4, 24, 16, tzinfo=UTC)),
        (["iso"], "2026-03-11T10:00:00-05:00", datetime(2026, 3, 11, 15, tzinfo=UTC)),
        (["unix"], "1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (["%d %b %Y"], "25 Apr 2019", datetime(2019, 4, 24, 16, tzinfo=UTC)),
        (["iso"], date(2019, 8, 1), datetime(2019, 7, 31, 16, tzinfo=UTC)),
        (["iso"], datetime(2019, 4, 8, 8, 37, 20), datetime(2019, 4, 8, 0, 37, 20, tzinfo=UTC)),  # noqa: DTZ001
    ],
)
def test_moments_of_every_format_become_utc(formats: list[str], cell: Any, moment: datetime) -> None:
    assert MomentReader(formats, SHANGHAI).read(cell) == moment


@pytest.mark.parametrize("cell", ["31-02-2023 10:00", "2023-06-01", "", "01-06-1023 12:15", "99-99-9999 99:99"])
def test_what_is_no_moment_is_refused(cell: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the caller names column and value
        MomentReader(["%d-%m-%Y %H:%M"], SHANGHAI).read(cell)


def test_times_that_contradict_each_other_are_made_to_fit() -> None:
    early, late = datetime(2023, 6, 1, tzinfo=UTC), datetime(2023, 6, 2, tzinfo=UTC)
    assert settled(CaseTimes(late, None, early), CaseStatus.CLOSED, closing_implies_telling=True) == CaseTimes(
        early, early, early, early
    )
    assert settled(CaseTimes(early, late), CaseStatus.CLOSED, closing_implies_telling=False) == CaseTimes(
        early, late, late, None
    )
    assert settled(CaseTimes(early, None, late), CaseStatus.PENDING, closing_implies_telling=True) == CaseTimes(early)
    told = settled(CaseTimes(early, told_at=late), CaseStatus.CLOSED, closing_implies_telling=True)
    assert told == CaseTimes(early, early, early, late)


def read_row(row: dict[str, Any], profile: Profile | None = None) -> Draft | Reject:
    profile = profile or load_profile("callback")
    return Normaliser(profile, list(row), AROUND).read(2, list(row.values()))


GOOD = {"Case number": "K1", "Status": "closed", "Subject": "Noise", "Reported at": "2026-03-01 10:00"}


def test_a_row_becomes_a_draft() -> None:
    draft = read_row(
        {
            **GOOD,
            "Answer": "Replaced.",
            "Telephone": "13812345678",
            "E-mail": "mei@example.com",
            "Rating": "2",
            "Handled by": "li",
            "Team": "North",
            "Special customer": "是",
            "Consents": "SMS; voice",
        }
    )
    assert isinstance(draft, Draft)
    case = dict(zip(CASE_COLUMNS, draft.case, strict=True))
    customer = dict(zip(CUSTOMER_COLUMNS, draft.customer, strict=True))
    assert (case["opened_at"], case["closed_at"], case["told_at"]) == (
        "2026-03-01 02:00:00.000000",
        "2026-03-01 02:00:00.000000",
        None,
    )
    assert (case["rating"], case["team_id"], draft.handler_id) == (2, 3, 7)
    assert (customer["special"], customer["consents"], customer["country"]) == (1, "sms,voice", "CN")
    assert draft.contacts == (("mobile", "+8613812345678", None), ("email", "mei@example.com", None))
    assert draft.customer_key == "+8613812345678"


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"Case number": " "}, "missing", "Case number"),
        ({"Subject": ""}, "missing", "Subject"),
        ({"Subject": "x" * 501}, "too_long", "Subject"),
        ({"Reported at": "yesterday"}, "bad_date", "Reported at"),
        ({"Reported at": "2027-03-01 10:00"}, "future_date", "Reported at"),
        ({"Telephone": "12"}, "bad_phone", "Telephone"),
        ({"E-mail": "mei@"}, "bad_email", "E-mail"),
        ({"Rating": "6"}, "bad_rating", "Rating"),
        ({"Rating": "nan"}, "bad_rating", "Rating"),
        ({"Priority": "hot"}, "unknown_priority", "Priority"),
        ({"Kind": "gossip"}, "unknown_kind", "Kind"),
        ({"Country": "XX"}, "bad_country", "Country"),
        ({"Language": "Klingon"}, "bad_language", "Language"),
        ({"Time zone": "../etc/passwd"}, "bad_zone", "Time zone"),
        ({"Special customer": "perhaps"}, "not_yes_or_no", "Special customer"),
        ({"Consents": "fax"}, "bad_consent", "Consents"),
        ({"Handled by": "nobody"}, "unknown_agent", "Handled by"),
        ({"Team": "South"}, "unknown_team", "Team"),
        ({"Status": "lost"}, "unknown_status", "Status"),
    ],
)
def test_a_bad_row_is_refused_with_its_column(change: dict[str, str], code: str, column: str) -> None:
    reject = read_row({**GOOD, **change})
    assert isinstance(reject, Reject)
    assert (reject.code, reject.column) == (code, column)
    for language in ("zh", "en"):
        assert f"import.reject.{code}" in catalogue(language)
        assert "{" not in what_to_do(reject, language)


def test_a_row_without_dates_is_the_same_row_tomorrow() -> None:
    row = {"Case number": "K1", "Status": "closed", "Subject": "Noise"}
    profile = load_profile("callback")
    tomorrow = Surroundings(
        **{**{f: getattr(AROUND, f) for f in AROUND.__slots__}, "now": datetime(2026, 3, 12, tzinfo=UTC)}
    )
    first = Normaliser(profile, list(row), AROUND).read(2, list(row.values()))
    second = Normaliser(profile, list(row), tomorrow).read(2, list(row.values()))
    assert isinstance(first, Draft)
    assert isinstance(second, Draft)
    assert first.hash == second.hash
    assert not first.dated


def test_every_field_of_the_template_is_a_field_of_the_profile_and_explained() -> None:
    assert set(FIELDS) == set(load_profile("callback").mapped())
    for language in ("zh", "en"):
        assert {f"import.help.{field}" for field in FIELDS} <= set(catalogue(language))


@pytest.mark.parametrize(
    ("toml", "place"),
    [
        ('name = "x"\nsource = "x"\nnonsense = 1\n[columns]\nexternal_id = "a"', "nonsense"),
        ('name = "x"\nsource = "x"\n[columns]\nexternal_idd = "a"', "columns.external_id"),
        ('name = "x"\nsource = "x"\ntime_zone = "Mars"\n[columns]\nexternal_id = "a"', "time_zone"),
        ('name = "x"\nsource = "x"\n[columns]\nexternal_id = "a"\n[status]\na = "lost"', "status.a"),
        ('name = "x"\nsource = "x"\n[columns]\nexternal_id = "a"\nsubject = "b"', "-"),
        ("name = ", "-"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_place(toml: str, place: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_profile(toml, name="p.toml")
    assert caught.value.code == "import_profile_invalid"
    assert caught.value.params["place"] == place


HEADINGS = "个案编号,状态,主题\n"
ROW = "K1,待处理,水泵夜间噪音很大，请尽快派人来看\n"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "gbk"])
def test_every_common_encoding_is_read(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes((HEADINGS + ROW * 50).encode(codec))
    with open_table(path, load_profile("callback")) as table:
        assert table.headings == ["个案编号", "状态", "主题"]
        assert next(table.rows()) == (2, ["K1", "待处理", "水泵夜间噪音很大，请尽快派人来看"])


def test_a_bad_byte_far_into_the_file_still_decides(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(("a,b\n" * 600_000).encode() + "主题，很长的一行中文\n".encode("gb18030") * 3)
    assert detect_encoding(path) == "gb18030"


def test_western_text_is_not_taken_for_chinese(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(("name;text\nMüller;Größe über Höhe, schöne Grüße aus Köln\n" * 20).encode("cp1252"))
    assert codecs.lookup(detect_encoding(path)).name in ("cp1252", "iso8859-1", "cp1250", "iso8859-15", "cp1254")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(
            [["Case number", "Status", "Subject, or; so"], ["K1", "open", "x"]]
        )
    with open_table(path, load_profile("callback")) as table:
        assert table.headings == ["Case number", "Status", "Subject, or; so"]


def test_rows_that_cannot_be_split_are_faults_and_the_next_row_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(f'a,b\n1,2,3\n1\n\n"{"x" * 200_000}",2\n3,4\n', encoding="utf-8")
    with open_table(path, load_profile("callback")) as table:
        rows = list(table.rows())
    assert rows[0] == (2, Fault("too_many_cells", "3"))
    assert rows[1] == (3, ["1", ""])
    assert rows[2][1] == Fault("cell_too_long")
    assert rows[-1][1] == ["3", "4"]


def test_json_lines_that_are_no_objects_are_faults(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text('{"Case number": 1, "Status": "open", "Telephone": ["1", "2"]}\n[1]\n{oops\n', encoding="utf-8")
    with open_table(path, load_profile("callback")) as table:
        rows = list(table.rows())
        assert dict(zip(table.headings, rows[0][1], strict=True)) == {  # type: ignore[arg-type]
            "Case number": 1,
            "Status": "open",
            "Telephone": "1;2",
        }
    assert [row[1] for row in rows[1:]] == [Fault("not_json", "[1]"), Fault("not_json", "{oops")]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("x.csv", b"", "import_empty"),
        ("x.csv", b",,\n", "import_empty"),
        ("x.xlsx", b"not a workbook", "import_unreadable"),
        ("x.jsonl", b"not json\n", "import_unreadable"),
        ("x.csv", b"\xff\xfe\x00\xd8\x00", "import_encoding"),
        ("x.csv", b"\x89PNG\r\n\x1a\n" + b"0" * 500, "import_unreadable"),
        ("x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "import_unreadable"),
    ],
)
def test_files_that_cannot_be_read_say_so(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid) as caught:
        open_table(path, load_profile("callback"))
    assert caught.value.code == code


def test_a_workbook_that_was_renamed_is_read_as_what_it_is(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Case number", "Subject"])
    book.save(tmp_path / "cases.csv")
    with open_table(tmp_path / "cases.csv", load_profile("callback")) as table:
        assert table.headings == ["Case number", "Subject"]


def test_a_workbook_that_swells_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LARGEST_SHEET", 1 << 20)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", " " * (1 << 21))
    with pytest.raises(Invalid) as caught:
        open_table(path, load_profile("callback"))
    assert caught.value.code == "import_unpacks_too_large"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_that_was_sent_is_told_by_its_own_name_and_no_library_is_quoted(language: Language) -> None:
    with pytest.raises(Invalid) as caught, tables.on_disk("三月 <b>.xlsx", b"no workbook") as path:
        open_table(path, load_profile("callback"))
    told = say(f"error.{caught.value.code}", language, **caught.value.params)
    assert "三月 <b>.xlsx" in told
    assert str(caught.value.params["problem"]) not in told


def test_a_formula_in_the_rejects_file_is_only_text() -> None:
    assert [harmless(cell) for cell in ("=1+1", "+86", "-1", "@x", "plain")] == ["'=1+1", "'+86", "'-1", "'@x", "plain"]
