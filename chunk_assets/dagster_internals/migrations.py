"""The history of Dagster's tables, which Alembic reads from ninety files whenever it is asked.

Dagster asks as it opens each of its storages, whether or not there is anything to migrate.
"""

from alembic.config import Config
from alembic.script import ScriptDirectory

_histories: dict[str, ScriptDirectory] = {}
_read = ScriptDirectory.from_config


def read_once() -> None:
    """Have it read once a process; it does not change while Dagster is installed."""
    ScriptDirectory.from_config = _history  # type: ignore[method-assign]


def _history(config: Config) -> ScriptDirectory:
    place = config.get_main_option("script_location") or ""
    if place not in _histories:
        _histories[place] = _read(config)
    return _histories[place]
