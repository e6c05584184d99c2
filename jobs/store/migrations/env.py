"""Alembic's entry: runs the migrations on the database, or in the transaction, that ``migrate`` names."""

from alembic import context
from sqlalchemy import Connection

from jobs.store.database import Database
from jobs.store.tables import metadata


def run(connection: Connection, *, batches: bool) -> None:
    """Run the migrations over a connection."""
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=batches)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
database = Database(context.config.attributes["database_url"])
try:
    if given is not None:
        run(given, batches=database.is_sqlite)
    else:
        with database.engine.connect() as connection:
            run(connection, batches=database.is_sqlite)
            connection.commit()
finally:
    database.close()
