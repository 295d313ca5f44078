"""What one film leaves: rows and bytes in Dagster's storage, objects and bytes on S3.

Run by hand: `python -m benchmarks.footprint`. Its figures stand in docs/scaling.md.
"""

import sqlite3
from collections import Counter
from pathlib import Path

from click.testing import CliRunner

from benchmarks.workbench import EXAMPLE, deployment
from chunk_assets.cli.main import main as chunk_assets
from chunk_assets.dagster_internals.instance import dagster_home
from chunk_assets.defs.resources import connect
from chunk_assets.settings import load_settings


def main() -> None:
    """Render the example with the preview generator, and count what is there afterwards."""
    with deployment():
        home = dagster_home(load_settings())
        ended = CliRunner().invoke(chunk_assets, ["submit", str(EXAMPLE), "--video-id", "first"])
        assert ended.exit_code == 0, ended.output
        empty = _bytes(home)
        ended = CliRunner().invoke(
            chunk_assets, ["render", str(EXAMPLE), "-o", str(home.parent / "f.mp4")]
        )
        assert ended.exit_code == 0, ended.output
        print(f"Dagster's files: {empty / 1e6:.2f} MB before, {_bytes(home) / 1e6:.2f} MB after")
        for path in sorted((home / "history").rglob("*.db")):
            if path.name != "index.db":
                _tell(path)
        _tell(home / "history" / "runs" / "index.db")
        store = connect(load_settings())
        sizes: Counter[str] = Counter()
        count: Counter[str] = Counter()
        for listed in store.listing("", deep=True):
            kind = listed.name.split("/")[0]
            sizes[kind] += listed.size
            count[kind] += 1
        for kind in sizes:
            print(f"S3 {kind}: {count[kind]} objects, {sizes[kind] / 1e6:.2f} MB")


def _bytes(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


def _tell(path: Path) -> None:
    with sqlite3.connect(path) as database:
        named = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [row[0] for row in named]
        for table in tables:
            rows = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            if rows and table == "event_logs":
                size = database.execute("SELECT sum(length(event)) FROM event_logs").fetchone()[0]
                print(f"{path.name} {table}: {rows} rows, {size / 1e6:.2f} MB of text")
            elif rows:
                print(f"{path.name} {table}: {rows} rows")


if __name__ == "__main__":
    main()
