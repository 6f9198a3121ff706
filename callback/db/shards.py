"""The parts of a centre that are planned by themselves."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from callback.db.policies import load_policy
from callback.db.tables import Agent, Case, Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Which part of the centre is planned: everything, one team, or what belongs to no team."""

    by_team: bool = False
    team_id: int | None = None

    @property
    def name(self) -> str:
        if not self.by_team:
            return "all"
        return "rest" if self.team_id is None else f"team-{self.team_id}"

    def cases(self) -> ColumnElement[bool]:
        """SQL condition on `cases`."""
        return Case.team_id == self.team_id if self.team_id is not None else Case.team_id.is_(None)

    def agents(self) -> ColumnElement[bool] | None:
        """SQL condition on `agents`; None: everybody."""
        if not self.by_team:
            return None
        return Agent.team_id == self.team_id if self.team_id is not None else Agent.team_id.is_(None)


EVERYTHING = Shard()


def shards_of(session: Session) -> list[Shard]:
    """The parts that are planned by themselves: everything at once, or each team and what belongs to none."""
    if not load_policy(session).plan_by_team:
        return [EVERYTHING]
    teams = session.scalars(select(Team.id).order_by(Team.id)).all()
    return [*(Shard(by_team=True, team_id=team_id) for team_id in teams), Shard(by_team=True)]
