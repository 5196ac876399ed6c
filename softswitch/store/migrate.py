"""Brings a database to the newest schema with the migrations that ship in the package; needs no `alembic.ini`.

Only `opening.py` decides whether that is needed: loading alembic takes longer than opening a database.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from softswitch.errors import UnusableError

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(path: Path) -> None:
    """Make or update the tables of the SQLite file `path`; nothing happens when they are of this version."""
    config = Config()
    # `%` is interpolated by alembic, so a folder with one in its name needs it doubled.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    engine = create_engine(f"sqlite:///{path.absolute()}", poolclass=NullPool)
    try:
        with engine.connect() as connection:
            if not _is_current(connection, config, path):
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()


def _is_current(connection: Connection, config: Config, path: Path) -> bool:
    scripts = ScriptDirectory.from_config(config)
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in {script.revision for script in scripts.walk_revisions()}:
        raise UnusableError(
            f"database {path}: its schema {revision} is of a newer softswitch; run that version, or name another file"
        )
    return revision == scripts.get_current_head()
