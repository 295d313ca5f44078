"""An animatic dropped on S3 under a running `chunk-assets dev`: what is not rendering.

Run by hand: `python -m benchmarks.dropping`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import click
import dagster as dg

from benchmarks.table import Row, print_rows
from benchmarks.workbench import new_home, read_example
from chunk_assets.dagster_internals.instance import FILM_TAG, open_instance
from chunk_assets.defs.resources import connect
from chunk_assets.defs.runs.active_runs import ACTIVE
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.submission import submit
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore

COMMAND = str(Path(sys.executable).with_name("chunk-assets"))


def overhead(store: ObjectStore, video_id: str) -> float:
    """Seconds from the manifest's last byte to the film, less what its generator took."""
    animatic = read_example()
    submit(store, video_id, animatic)
    began = time.time()
    plan = plan_film(store, video_id)
    while store.head(keys.stitched_video(video_id)) is None:
        time.sleep(0.1)
        if time.time() - began > 600:
            raise click.ClickException(f"no film after 600 s: {_rendering(store, plan)} s rendered")
    return time.time() - began - _rendering(store, plan)


def _rendering(store: ObjectStore, plan: FilmPlan) -> float:
    clips = [store.head(keys.chunk_video(plan.video_id, spec.chunk_num)) for spec in plan.specs]
    return sum(ClipRecord.of(clip).seconds for clip in clips if clip is not None)


def _print_runs(video_id: str, dropped: float) -> None:
    """When each run of the film was asked for, began to run, and ended, since the drop."""
    with open_instance(load_settings()) as instance:
        wanted = dg.RunsFilter(tags={FILM_TAG: video_id})
        for record in reversed(instance.get_run_records(wanted)):
            asked = record.create_timestamp.timestamp()
            times = (asked, record.start_time or asked, record.end_time or time.time())
            shown = ", ".join(f"{moment - dropped:.1f}" for moment in times)
            click.echo(f"{video_id}, {record.dagster_run.job_name}: {shown} s", err=True)


def _wait_for_quiet() -> None:
    """Wait until the film's checks are done: the next film shall have the machine to itself."""
    with open_instance(load_settings()) as instance:
        time.sleep(30)  # longer than the checks' sensor waits
        while instance.get_runs(dg.RunsFilter(statuses=list(ACTIVE)), limit=1):
            time.sleep(0.5)


@click.command()
@click.option("--films", default=3, show_default=True, help="How many, one after the other.")
def main(films: int) -> None:
    """Drop animatics, and wait for their films."""
    with new_home() as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        os.environ["CHUNK_ASSETS_HOME"] = str(home)  # with a server of its own, as out of the box
        dev = subprocess.Popen(
            [COMMAND, "dev", "--port", str(port)], stderr=subprocess.PIPE, text=True
        )
        try:
            assert dev.stderr is not None
            while "Ctrl-C" not in (line := dev.stderr.readline()):
                if not line:
                    raise click.ClickException("dev has ended")
            store = connect(load_settings())
            seconds = []
            for number in range(films):
                dropped = time.time()
                seconds.append(overhead(store, f"dropped-{number}"))
                _print_runs(f"dropped-{number}", dropped)
                _wait_for_quiet()
        finally:
            dev.send_signal(signal.SIGTERM)
            dev.communicate(timeout=60)
    rows = [
        Row(f"drop → stitched film, less rendering: film {number}", value, aim="≤ 15 s",
            is_met=value <= 15)
        for number, value in enumerate(seconds)
    ]  # fmt: skip
    print_rows("An animatic dropped on S3", rows)


if __name__ == "__main__":
    main()
