"""Alembic's entry: runs the migrations on the database that ``migrate`` names."""

from alembic import context

from jobs.store.database import Database
from jobs.store.tables import metadata

database = Database(context.config.attributes["database_url"])
try:
    with database.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=database.is_sqlite)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
finally:
    database.close()
