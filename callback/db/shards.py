"""The parts of a centre that are planned by themselves."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement

from callback.db.tables import Agent, Case


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
