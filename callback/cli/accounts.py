"""`callback init`, `callback agent …`, `callback token …`."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from callback.bootstrap import House
from callback.cli import app
from callback.cli.common import check_schema, console, open_house
from callback.db import agents as rows
from callback.db.engine import reading
from callback.db.tables import Agent
from callback.domain.account import Scope
from callback.domain.words import Role
from callback.errors import Invalid
from callback.services import agents, questionnaires, quick_replies, scripts, tokens
from callback.texts import say

agent_app = typer.Typer(no_args_is_help=True, help="The people who work here.")
token_app = typer.Typer(no_args_is_help=True, help="Bearer tokens of programs.")
app.add_typer(agent_app, name="agent")
app.add_typer(token_app, name="token")

PASSWORD_VARIABLE = "CALLBACK_ADMIN_PASSWORD"  # noqa: S105  the name of a variable


def teller(house: House) -> Callable[..., str]:
    """`tell("account.agent_made", login=…)`: the sentence in the settings' language, printed."""

    def tell(code: str, **params: object) -> str:
        text = say(code, house.settings.language, **params)
        console.print(text, markup=False, highlight=False)
        return text

    return tell


def asked_password(house: House, variable: str | None) -> str:
    """From the environment, else typed twice and not shown; a pipe gives one line.

    Never an argument: everybody on the machine sees those.
    """
    given = os.environ.get(variable) if variable else None
    if given is not None:
        return given
    if not sys.stdin.isatty():
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise Invalid("password_needed")
        return line
    language = house.settings.language
    first: str = typer.prompt(say("account.ask_password", language), hide_input=True)
    again: str = typer.prompt(say("account.ask_password_again", language), hide_input=True)
    if first != again:
        raise Invalid("passwords_differ")
    return first


@app.command()
def init(
    *,
    login: Annotated[str, typer.Option(help="Login of the first administrator.")] = "admin",
) -> None:
    """Make the first administrator and load the shipped scripts and questionnaires.

    Asks for the password, or takes it from CALLBACK_ADMIN_PASSWORD. Refuses when there is an administrator.
    """
    with open_house() as house:
        check_schema(house)
        tell = teller(house)
        with reading(house.sessions) as session:
            agents.refuse_second_administrator(session)
        password = asked_password(house, PASSWORD_VARIABLE)
        now = house.clock()
        with house.sessions.begin() as session:
            agents.first_administrator(
                session, login=login, password=password, time_zone=house.settings.time_zone, now=now
            )
            script_count = scripts.seed_content(session, now)
            questionnaire_count = questionnaires.seed_content(session, now)
            reply_count = quick_replies.seed_content(session, now)
        tell("account.initialised", login=login)
        tell("account.content_seeded", scripts=script_count, questionnaires=questionnaire_count, replies=reply_count)


@agent_app.command("add")
def add_agent(
    login: Annotated[str, typer.Argument(help="What they log in with.")],
    *,
    name: Annotated[str, typer.Option(help="As customers and colleagues know them.")],
    number: Annotated[str, typer.Option(help="The agent number that is read out to customers.")],
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.AGENT,
    team: Annotated[str | None, typer.Option(help="Team; made when there is none of this name.")] = None,
    leads_team: Annotated[bool, typer.Option("--leads-team", help="Child cases of the team go to them.")] = False,
    language: Annotated[list[str] | None, typer.Option(help="zh or en; may be repeated.")] = None,
    skill: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    capacity: Annotated[int, typer.Option(min=0, max=1000, help="Callbacks a day at the most.")] = 60,
    zone: Annotated[str | None, typer.Option(help="IANA time zone; default: the centre's.")] = None,
    no_password: Annotated[bool, typer.Option("--no-password", help="A program's account: tokens only.")] = False,
) -> None:
    """Make an account. Asks for a password, or reads one line from a pipe."""
    with open_house() as house:
        tell = teller(house)
        password = None if no_password else asked_password(house, None)
        now = house.clock()
        with house.sessions.begin() as session:
            agent = agents.create(
                session,
                agents.AgentDetails(
                    login=login,
                    name=name,
                    number=number,
                    role=role,
                    team_id=None if team is None else _team_id(session, team, house),
                    leads_team=leads_team,
                    languages=tuple(language or ("zh", "en")),
                    skills=tuple(skill or ()),
                    daily_capacity=capacity,
                    time_zone=zone or house.settings.time_zone,
                ),
                now=now,
                actor_id=None,
                password=password,
            )
        tell("account.agent_made", login=agent.login, number=agent.number)


def _team_id(session: Session, name: str, house: House) -> int:
    known = rows.team_named(session, name)
    return (known or agents.create_team(session, name, now=house.clock(), actor_id=None)).id


@agent_app.command("list")
def list_agents(*, everybody: Annotated[bool, typer.Option("--all", help="Deactivated ones too.")] = False) -> None:
    """Who works here."""
    with open_house() as house, reading(house.sessions) as session:
        found = session.scalars(rows.agents(active=None if everybody else True).order_by(Agent.login)).all()
        if not found:
            teller(house)("account.no_agents")
            return
        language = house.settings.language
        table = Table()
        for column in ("login", "name", "number", "role", "team", "capacity", "active"):
            table.add_column(say(f"account.column.{column}", language))
        for agent in found:
            table.add_row(
                agent.login,
                agent.name,
                agent.number,
                say(f"role.{agent.role.value}", language),
                agent.team.name if agent.team else "",
                str(agent.daily_capacity),
                say("account.yes" if agent.active else "account.no", language),
            )
        console.print(table)


@agent_app.command("deactivate")
def deactivate_agent(login: Annotated[str, typer.Argument(help="Whose account.")]) -> None:
    """Close an account: logged out everywhere, tokens revoked. Nothing they did is removed."""
    with open_house() as house:
        now = house.clock()
        with house.sessions.begin() as session:
            agent = agents.by_login(session, login)
            agents.change(session, agent.id, {"active": False}, version=agent.version, now=now, actor_id=None)
        teller(house)("account.agent_deactivated", login=login)


@agent_app.command("password")
def give_password(login: Annotated[str, typer.Argument(help="Whose password.")]) -> None:
    """Give somebody a new password. Asks for it, or reads one line from a pipe."""
    with open_house() as house:
        with reading(house.sessions) as session:
            agent_id = agents.by_login(session, login).id
        password = asked_password(house, None)
        with house.sessions.begin() as session:
            agents.give_password(session, agent_id, password, now=house.clock(), actor_id=None)
        teller(house)("account.password_given", login=login)


def _scope(name: str) -> Scope:
    try:
        return Scope(name)
    except ValueError:
        raise Invalid("scope_not_known", scope=name, known=", ".join(Scope)) from None


@token_app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What the program is called.")],
    *,
    agent: Annotated[str, typer.Option(help="Login of the account that it acts for.")],
    scope: Annotated[list[str], typer.Option(help="For example cases:write; may be repeated.")],
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Valid so long; default: until revoked.")] = None,
) -> None:
    """Make a token and print its secret, this once, alone on the last line."""
    with open_house() as house:
        now = house.clock()
        with house.sessions.begin() as session:
            new = tokens.create(
                session,
                agent_id=agents.by_login(session, agent).id,
                name=name,
                scopes=[_scope(one) for one in scope],
                expires_at=None if days is None else now + timedelta(days=days),
                now=now,
                actor_id=None,
            )
        teller(house)("account.token_made", id=new.token.id, login=agent)
        print(new.secret)


@token_app.command("list")
def list_tokens(*, agent: Annotated[str | None, typer.Option(help="Login; default: of everybody.")] = None) -> None:
    """Tokens, live and revoked, newest first. Secrets are not known to anybody but their programs."""
    with open_house() as house, reading(house.sessions) as session:
        owner_id = None if agent is None else agents.by_login(session, agent).id
        found = tokens.listed(session, agent_id=owner_id)
        if not found:
            teller(house)("account.no_tokens")
            return
        table = Table()
        for column in ("id", "name", "login", "scopes", "expires", "last_used", "revoked"):
            table.add_column(say(f"account.column.{column}", house.settings.language))
        for token in found:
            moments = (token.expires_at, token.last_used_at, token.revoked_at)
            table.add_row(
                str(token.id),
                token.name,
                token.agent.login,
                " ".join(token.scopes),
                *(f"{at:%Y-%m-%d %H:%M} UTC" if at else "" for at in moments),
            )
        console.print(table)


@token_app.command("revoke")
def revoke_token(
    token_id: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="From `callback token list`.")],
) -> None:
    """End a token at once."""
    with open_house() as house:
        with house.sessions.begin() as session:
            tokens.revoke(session, token_id, owner_id=None, now=house.clock(), actor_id=None)
        teller(house)("account.token_revoked", id=token_id)
