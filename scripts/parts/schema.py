"""Writes the first migration from the metadata: what autogenerate finds against an empty database, and the triggers."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

from callback.db.base import Base
from callback.db.engine import make_engine
from callback.db.migrate import MIGRATIONS, configure
from callback.settings import load_settings

FILE = MIGRATIONS / "versions" / "2026_11_23_0001_first_schema.py"

HEAD = '''"""The first schema: every noun of the house, and the triggers that keep append-only tables append-only.

Revision: 0001, after nothing. Written by scripts/schema until the first release, frozen since.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

'''


BODY = """{head}{triggers}

def upgrade() -> None:
    {up}
    _each(TRIGGERS)
    _each(SEARCH)


def downgrade() -> None:
    {down}
    _each(TRIGGERS_GONE)


def _each(statements: dict[str, tuple[str, ...]]) -> None:
    connection = op.get_bind()
    for statement in statements[connection.dialect.name]:
        connection.connection.cursor().execute(statement)
"""


def main() -> None:
    engine = make_engine(load_settings(database_url="sqlite://"))
    with engine.connect() as connection:
        options = {**configure(connection), "render_as_batch": False}
        context = MigrationContext.configure(connection, opts=options)
        script = produce_migrations(context, Base.metadata)
        if script.upgrade_ops is None or script.downgrade_ops is None:
            raise SystemExit("alembic found nothing to write")
        up = render_python_code(script.upgrade_ops, render_item=options["render_item"])
        down = render_python_code(script.downgrade_ops, render_item=options["render_item"])
    FILE.write_text(BODY.format(head=HEAD, triggers=_triggers(), up=up, down=down))
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["format"], ["check", "--fix"], ["format"]):
        subprocess.run([ruff, *command, "--quiet", FILE], check=True)
    print(f"written: {FILE.relative_to(MIGRATIONS.parent)}")


def _triggers() -> str:
    """Triggers and indexes over expressions, as literals: a frozen migration must not change when a module does."""
    try:
        triggers = import_module("callback.db.tables.triggers")
        search = import_module("callback.db.tables.search")
    except ModuleNotFoundError:
        empty = "dict[str, tuple[str, ...]] = {'sqlite': (), 'postgresql': ()}"
        return f"TRIGGERS: {empty}\nTRIGGERS_GONE: {empty}\nSEARCH: {empty}\n"
    return (
        f"TRIGGERS: dict[str, tuple[str, ...]] = {_literal(triggers.CREATE)}\n"
        f"SEARCH: dict[str, tuple[str, ...]] = {_literal(search.CREATE)}\n"
        f"TRIGGERS_GONE: dict[str, tuple[str, ...]] = {_literal(triggers.DROP)}\n"
    )


def _literal(statements: dict[str, tuple[str, ...]]) -> str:
    lines = ["{"]
    for dialect in ("sqlite", "postgresql"):
        quoted = "".join(f'\n"""{statement.strip()}""",' for statement in statements[dialect])
        lines.append(f"{dialect!r}: ({quoted}),")
    return "\n".join([*lines, "}"])


main()
