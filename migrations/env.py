"""Alembic's entry: runs the migrations on the connection it is handed, else on the one that the settings name."""

from alembic import context
from sqlalchemy import Connection

from callback.db.engine import make_engine
from callback.db.migrate import configure, prepared
from callback.settings import load_settings


def _run(connection: Connection) -> None:
    context.configure(connection=connection, **configure(connection))
    with context.begin_transaction():
        context.run_migrations()


handed: Connection | None = context.config.attributes.get("connection")
if handed is not None:
    _run(handed)
else:
    settings = load_settings()
    engine = make_engine(settings)
    with engine.connect() as own, prepared(own, settings):
        _run(own)
    engine.dispose()
