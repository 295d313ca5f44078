"""`python -m benchmarks`: all of them, each beside its baseline, written to results.md."""

import importlib
import subprocess
import sys
from pathlib import Path

import click

from benchmarks.table import print_rows, section, with_section
from benchmarks.workbench import deployment
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.resources import connect
from chunk_assets.settings import load_settings

TITLES = {
    "path": "The critical path",
    "scenes": "Scenes",
    "keyframes": "Key pictures",
    "stitching": "Stitching",
    "last_frame": "The last frame",
    "undo": "Going back to an earlier take",
    "long_film": "A long film",
    "many_partitions": "Many films known to Dagster",
    "old_films": "Old films",
    "start_up": "Start-up",
    "many_films": "Many films at a time",
    "warm_start": "A warm worker",
    "worker_slots": "A worker's slots",
}

RESULTS = Path(__file__).with_name("results.md")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(TITLES)))
@click.option("--write", is_flag=True, help="Write them into results.md, as all together do.")
def main(names: tuple[str, ...], write: bool) -> None:
    """Run the benchmarks NAMES, all without them."""
    chosen = names or tuple(TITLES)
    if len(chosen) == 1:
        _run(chosen[0], write)
        return
    for name in chosen:
        # In a process each: no benchmark is slower for what another one has left in memory.
        command = [sys.executable, "-m", "benchmarks", name]
        subprocess.run([*command, *(["--write"] if write or not names else [])], check=True)


def _run(name: str, write: bool) -> None:
    with deployment(), open_instance(load_settings()) as instance:
        measure = importlib.import_module(f"benchmarks.{name}").measure
        rows = measure(connect(load_settings()), instance)
    print_rows(TITLES[name], rows)
    if write:
        page = RESULTS.read_text() if RESULTS.exists() else ""
        new = section(TITLES[name], f"python -m benchmarks {name}", rows)
        RESULTS.write_text(with_section(page, new))


if __name__ == "__main__":
    main()
