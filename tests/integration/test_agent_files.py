"""Agents from a file: looked over by row, written whole or not at all, taken back, and quick for a whole centre."""

import base64
import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import event, select

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.tables import Agent, AuditEntry, SetupVersion, Team
from callback.domain.words import Role
from callback.services.agent_files.reading import read_content
from callback.services.agent_files.writing import Wishes, passwords_csv, write
from tests.integration.conftest import StandingClock

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://callback.test/setup/agents/import"}
IMPORT = "/setup/agents/import"
GOOD = """\
Login,Name,Agent number,Role,Team,Leads the team,Languages,Skills,Calls a day,Time zone,Own telephone,Shoe
li,Li Min,1001,agent,North,yes,"Chinese, English","billing; 投诉",40,Asia/Shanghai,138 0013 8000,43
wang,Wang Wei,1002,supervisor,,,,,,,,
"""


def _sent(content: str | bytes, name: str = "agents.csv") -> dict[str, Any]:
    return {"file": (name, content.encode() if isinstance(content, str) else content)}


def _looked(client: Any, content: str | bytes, name: str = "agents.csv") -> tuple[Any, str]:
    """The answer, and the fingerprint that the page would send back."""
    answer = client.post(IMPORT, files=_sent(content, name), headers=HTMX)
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', answer.text)
    return answer, seen[1] if seen else ""


def _written(client: Any, content: str | bytes, name: str = "agents.csv", **ticks: str) -> Any:
    _, seen = _looked(client, content, name)
    return client.post(f"{IMPORT}/write", files=_sent(content, name), data={"seen": seen, **ticks}, headers=HTMX)


def _agents(house: House) -> dict[str, Agent]:
    with reading(house.sessions) as session:
        return {agent.login: agent for agent in session.scalars(select(Agent)) if agent.login != "admin"}


def _undo(client: Any, answer: Any) -> Any:
    act = re.search(r"/setup/undo/[A-Za-z0-9_-]+", answer.text)
    assert act is not None, answer.text
    return client.post(act[0], headers=HTMX)


def _passwords(answer: Any) -> dict[str, str]:
    link = re.search(r'href="data:text/csv;charset=utf-8;base64,([^"]+)"', answer.text)
    assert link is not None
    lines = list(csv.reader(io.StringIO(base64.b64decode(link[1]).decode("utf-8-sig"))))
    return {line[0]: line[3] for line in lines[1:]}


def test_a_good_file_is_shown_then_written_and_its_people_log_in(desk: Any, house: House) -> None:
    admin = desk.administrator()
    looked, seen = _looked(admin, GOOD)
    assert looked.status_code == 200, looked.text
    assert "New people: 2" in looked.text
    assert "Shoe" in looked.text
    assert "13800138000" not in looked.text
    assert not _agents(house)
    # The team is made only when somebody says so, and nothing is half-done.
    refused = admin.post(f"{IMPORT}/write", files=_sent(GOOD), data={"seen": seen}, headers=HTMX)
    assert refused.status_code == 422
    assert "make_teams-fault" in refused.text
    assert not _agents(house)
    done = _written(admin, GOOD, make_teams="1", passwords="1")
    assert done.status_code == 200, done.text
    li, wang = _agents(house)["li"], _agents(house)["wang"]
    assert (li.name, li.number, li.leads_team, li.daily_capacity) == ("Li Min", "1001", True, 40)
    assert (li.languages, li.skills, li.phone) == (["zh", "en"], ["billing", "投诉"], "+8613800138000")
    assert (wang.role, wang.team_id, wang.time_zone) == (Role.SUPERVISOR, None, house.settings.time_zone)
    with reading(house.sessions) as session:
        assert session.get_one(Team, li.team_id).name == "North"
    told = _passwords(done)
    for login, password in told.items():
        light = _agents(house)[login].password_hash
        assert desk.anonymous().post("/login", data={"login": login, "password": password}).history
        assert _agents(house)[login].password_hash != light, "the first log-in keeps it by the slow hash"
    assert set(told) == {"li", "wang"}
    with reading(house.sessions) as session:
        kept = str([(entry.action, entry.details) for entry in session.scalars(select(AuditEntry))])
        kept += str([version.document for version in session.scalars(select(SetupVersion))])
    assert not [password for password in told.values() if password in kept]
    assert "agents_imported" in kept
    # The same file again, by a double click or a month later, makes no twin.
    assert admin.post(f"{IMPORT}/write", files=_sent(GOOD), data={"seen": seen}, headers=HTMX).status_code == 422
    again, _ = _looked(admin, GOOD)
    assert "Everybody is already as the file says" in again.text


def test_every_fault_is_told_by_its_row_in_the_readers_language(desk: Any, house: House) -> None:
    bad = """账号,姓名,工号,角色,语言,每日任务量,时区,本人电话,技能
li,李敏,1001,国王,中文,40,Asia/Shanghai,,
wang,=1+1,1002,座席,火星语,四十,Mars/Olympus,不是号码,
li,李敏二,1003,,,,,,
zhao,,1004,,,,,,
,钱,admin,,,,,,
admin,,1004,座席,,,,,"@SUM(A1)"
"""
    admin = desk.administrator()
    admin.cookies.set("callback_language", "zh")
    looked, _ = _looked(admin, bad.encode("gb18030"), "座席.csv")
    told = re.findall(r"第 (\d+) 行</span> <span translate=\"no\">(.*?)</span>", looked.text)
    assert [(int(row), text.split("：")[0]) for row, text in told] == [
        (2, "角色"),
        (3, "姓名"),
        (3, "语言"),
        (3, "每日任务量"),
        (3, "时区"),
        (3, "本人电话"),
        (4, "账号"),
        (5, "姓名"),
        (6, "账号"),
        (7, "工号"),
        (7, "角色"),
        (7, "技能"),
    ]
    assert "agents-write" not in looked.text
    written = admin.post(f"{IMPORT}/write", files=_sent(bad.encode("gb18030")), headers=HTMX)
    assert written.status_code == 422
    assert not _agents(house)


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"", "agents.csv", "is empty"),
        (b"\x00\xff" * 40, "agents.xlsx", "cannot be read"),
        (b"colour,shape\nred,round\n", "agents.csv", "no column for the login"),
        (b"login,Login\nli,li\n", "agents.csv", "stands in the file twice"),
        (b"login,name,number\n", "agents.csv", "no rows"),
        (b"login,name,number\n" + b"a,b,c\n" * 5_001, "agents.csv", "more than 5000 rows"),
        (b"login\n" + b"x" * (5 << 20), "agents.csv", "larger than 5 MB"),
    ],
)
def test_a_file_that_is_none_says_what_to_do(desk: Any, content: bytes, name: str, told: str) -> None:
    answer, _ = _looked(desk.administrator(), content, name)
    assert answer.status_code == 422
    assert told in answer.text


def test_a_chinese_file_changes_who_is_known_and_all_of_it_is_taken_back(desk: Any, house: House) -> None:
    admin = desk.administrator()
    desk.agent("li", name="Li Min", number="1001", skills=["billing"], phone="+8613800138000")
    gone = desk.agent("zhao", number="1003", active=True)
    content = """工号,账号,姓名,班组,技能,本人电话
1001,li.min,李敏,华北,-,
1003,,赵敏,华北,,
1009,qian,钱多,华北,投诉、退款,
"""
    before = _agents(house)
    answer = _written(admin, content.encode("gb18030"), make_teams="1", passwords="1")
    assert answer.status_code == 200, answer.text
    after = _agents(house)
    assert set(after) == {"li.min", "zhao", "qian"}
    li = after["li.min"]
    assert (li.id, li.name, li.skills, li.phone) == (before["li"].id, "李敏", [], "+8613800138000")
    assert len({agent.team_id for agent in after.values()} - {None}) == 1
    assert set(_passwords(answer)) == {"qian"}
    assert _undo(admin, answer).status_code == 204
    back = _agents(house)
    assert (back["li"].name, back["li"].skills, back["li"].team_id) == ("Li Min", ["billing"], None)
    assert back["zhao"].name == before["zhao"].name
    assert not back["qian"].active
    assert gone.get("/day").status_code == 200
    # Once more: who was deactivated comes back only when somebody ticks it, then with a new first password.
    assert _written(admin, content.encode("gb18030")).status_code == 200
    assert not _agents(house)["qian"].active
    once_more = _written(admin, content.encode("gb18030"), take_back="1", passwords="1")
    assert set(_passwords(once_more)) == {"qian"}
    assert _agents(house)["qian"].active


def test_a_workbook_from_the_template_is_understood(desk: Any, house: House, tmp_path: Path) -> None:
    admin = desk.administrator()
    for language, heading in (("zh", "账号"), ("en", "Login")):
        template = admin.get(f"{IMPORT}/template/{language}")
        path = tmp_path / f"{language}.xlsx"
        path.write_bytes(template.content)
        book = load_workbook(path)
        sheet = book.worksheets[0]
        assert sheet.cell(row=1, column=1).value == heading
        sheet.append([f"agent-{language}", "Somebody", 2000 + len(language) + (language == "zh")])
        book.save(path)
        assert _written(admin, path.read_bytes(), "agents.xlsx").status_code == 200
    assert {agent.number for agent in _agents(house).values()} == {"2002", "2003"}


def test_a_formula_is_no_name_and_leaves_as_none(house: House, desk: Any) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["login", "name", "number"])
    sheet.append(["li", '=HYPERLINK("http://evil.example","Li")', "1001"])
    sheet["B2"].data_type = "s"
    stream = io.BytesIO()
    book.save(stream)
    looked, _ = _looked(desk.administrator(), stream.getvalue(), "agents.xlsx")
    assert "would be a formula" in looked.text
    # Who has such a name from elsewhere does not carry it into the file of passwords.
    desk.agent("zhao", name="=1+1", active=False)
    back = _written(desk.logged_in("boss", role=Role.ADMINISTRATOR), "login\nzhao\n", take_back="1", passwords="1")
    link = re.search(r'base64,([^"]+)"', back.text)
    assert link is not None
    assert "zhao,'=1+1," in base64.b64decode(link[1]).decode()


def test_only_administrators_and_never_without_one(desk: Any, house: House) -> None:
    chief = desk.supervisor()
    for answer in (
        chief.get(IMPORT, headers={"Accept": "application/json"}),
        chief.post(IMPORT, files=_sent(GOOD), headers=HTMX | {"Accept": "application/json"}),
        chief.post(f"{IMPORT}/write", files=_sent(GOOD), headers=HTMX | {"Accept": "application/json"}),
    ):
        assert answer.json()["code"] == "scope_missing"
    assert "/setup/agents/import" not in chief.get("/setup/agents").text
    admin = desk.administrator()
    looked, _ = _looked(admin, "login,role\nadmin,agent\n")
    assert "This is the last active administrator" in looked.text
    # Somebody else changed a person between looking and writing.
    content = "login,name\nchief,Boss\n"
    _, seen = _looked(admin, content)
    with house.sessions.begin() as session:
        session.scalars(select(Agent).where(Agent.login == "chief")).one().version += 1
    late = admin.post(f"{IMPORT}/write", files=_sent(content), data={"seen": seen}, headers=HTMX)
    assert late.status_code == 422
    assert "has changed since" in late.text


def test_a_whole_centre_takes_few_statements(house: House, clock: StandingClock, make_agent: Any) -> None:
    by = make_agent("admin", role=Role.ADMINISTRATOR)
    rows = "".join(f"a{n},Agent {n},{n},Team {n % 40},billing\n" for n in range(2_000))
    counted: list[str] = []
    event.listen(house.engine, "before_cursor_execute", lambda *told: counted.append(told[2]))

    def written(content: str) -> Any:
        file = read_content("agents.csv", content.encode(), country="CN")
        wishes = Wishes(make_teams=True, passwords=True)
        with house.sessions.begin() as session:
            return write(session, file, wishes, time_zone="Asia/Shanghai", now=clock(), actor_id=by)

    new = written("login,name,number,team,skills\n" + rows)
    assert (new.made, len(new.teams), len(new.passwords)) == (2_000, 40, 2_000)
    assert len(counted) < 600, len(counted)
    assert len(passwords_csv(new.passwords, "zh").splitlines()) == 2_001
    counted.clear()
    assert written("login,name,number,team,skills\n" + rows.replace("billing", "refunds")).changed == 2_000
    assert len(counted) < 300, len(counted)
