"""Peak memory of `chunk-assets render`, process by process, for films of different lengths.

Run by hand: `python -m benchmarks.memory 30 600` (film lengths in seconds). Measured on two cores,
preview generator at 1024×576, peak MB of each program's largest process:

====================  =====  =====
program                30 s  600 s
====================  =====  =====
python (`render`)       327    414
weed                    163    614
ffmpeg                  136    138
====================  =====  =====

The column of 600 s was measured before objects were downloaded in parts (weed held the film that it
sent: with a 400 MB object 384 to 480 MB, in parts 157) and before `render` made a run of each 60
chunks (Dagster keeps a run's events, 0.22 MB a chunk).
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import click
from rich.console import Console
from rich.table import Table

from benchmarks.workbench import EXAMPLE, new_home

LIMIT = 500.0
"""MB that no process may reach, whatever the film's length."""

PERIOD = 0.03
_MARK = "BENCHMARK_MARK"
_ELSEWHERE = re.compile(r"CHUNK_ASSETS_|AWS_|DAGSTER_HOME")
_RENDERED = re.compile(r"chunk (\d+) \(.*: rendered")


def repeated(example: Path, seconds: int, target: Path) -> Path:
    """The example's animatic, its beats played again and again until the film is so long."""
    manifest = json.loads((example / "animatic.json").read_text())
    times, left = divmod(seconds, manifest["duration"])
    if left or not times:
        raise click.UsageError(f"{seconds} s is no multiple of {manifest['duration']} s")
    beats = [
        {**beat, "name": f"{beat['name']} {number}", "start": beat["start"] + offset}
        for number in range(times)
        for offset in [number * manifest["duration"]]
        for beat in manifest["beats"]
    ]
    between = {"type": "dissolve", "duration": 0.5}
    transitions = [*manifest["transitions"], between] * times
    document = {
        **manifest,
        "continuity": "film",
        "duration": seconds,
        "beats": beats,
        "transitions": transitions[:-1],
        "frames": manifest["frames"] * times,
    }
    shutil.copytree(example, target)
    (target / "animatic.json").write_text(json.dumps(document))
    return target


class Watch(threading.Thread):
    """Reads, until stopped, the peak of every process that carries a mark in its environment.

    VmHWM is the kernel's own record of a process's peak; `getrusage` would not do, since it gives a
    child the peak of the Python that forked it. A process is seen once in `PERIOD` or oftener, so
    that what a short one takes at its very end can be missed.
    """

    def __init__(self, mark: str, home: Path):
        super().__init__(daemon=True)
        self._mark, self._home = f"{_MARK}={mark}".encode(), home
        self._strangers: set[str] = set()
        self._ended = threading.Event()
        self.peaks: dict[tuple[str, str], float] = {}

    def run(self) -> None:
        """Look again and again."""
        while not self._ended.wait(PERIOD):
            for entry in Path("/proc").iterdir():
                if entry.name.isdecimal() and entry.name not in self._strangers:
                    self._look(entry)

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self.join()

    def _look(self, process: Path) -> None:
        try:
            if not self._is_ours(process):
                self._strangers.add(process.name)
                return
            key = (program(process), process.name)
            self.peaks[key] = max(self.peaks.get(key, 0.0), megabytes(process, "VmHWM"))
        except (OSError, KeyError):
            return  # it has just ended

    def _is_ours(self, process: Path) -> bool:
        if self._mark in (process / "environ").read_bytes():
            return True
        # The S3 server has an environment of its own, but works in the home.
        return (process / "cwd").resolve().is_relative_to(self._home)


def program(process: Path) -> str:
    """What a process is, in a word."""
    name = (process / "exe").readlink().name
    if name.startswith("ffmpeg"):
        return "ffmpeg"
    arguments = (process / "cmdline").read_bytes().decode().split("\0")
    if name.startswith("python"):
        return f"python ({'supervisor' if any('supervisor' in a for a in arguments) else 'render'})"
    return name


def megabytes(process: Path, field: str) -> float:
    """A figure of /proc/PID/status, in MB of a million bytes."""
    lines = (process / "status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields[field].split()[0]) * 1024 / 1e6


@dataclass
class Measured:
    """One film's rendering.

    Attributes:
        peaks: MB by program and process id.
        growth: After how many chunks, how much the rendering process held, in MB.
        seconds: How long it took in all.
    """

    peaks: dict[tuple[str, str], float]
    growth: list[tuple[int, float]]
    seconds: float

    def largest(self, name: str) -> float:
        """The peak of the largest process that runs this program; 0 where there was none."""
        return max((mb for (program_, _), mb in self.peaks.items() if program_ == name), default=0)

    @property
    def slope(self) -> float:
        """MB a chunk, once the first ten are done."""
        numbers, held = zip(*self.growth[10:], strict=True)
        return statistics.linear_regression(numbers, held).slope if len(numbers) > 1 else 0.0


def measure(directory: Path, workdir: Path) -> Measured:
    """Render the animatic in `directory` in a home of its own, and watch."""
    mark, growth = uuid4().hex, []
    with new_home() as home:
        own = {name: value for name, value in os.environ.items() if not _ELSEWHERE.match(name)}
        environment = {**own, "CHUNK_ASSETS_HOME": str(home), _MARK: mark}
        command = [str(Path(sys.executable).with_name("chunk-assets")), "render", str(directory)]
        command += ["-o", str(workdir / "film.mp4")]
        watch, began = Watch(mark, home), time.monotonic()
        watch.start()
        render = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert render.stderr is not None
        lines = []
        for line in render.stderr:
            lines.append(line)
            if found := _RENDERED.match(line):
                held = megabytes(Path(f"/proc/{render.pid}"), "VmRSS")
                growth.append((int(found[1]) + 1, held))
        status, seconds = render.wait(), time.monotonic() - began
        watch.stop()
        if status:
            raise click.ClickException("".join(lines[-20:]))
        return Measured(watch.peaks, growth, seconds)


def print_peaks(films: dict[int, Measured]) -> None:
    """The largest process of each program, by film."""
    console = Console()
    table = Table("peak, MB, of the largest", *(f"{seconds} s" for seconds in films), box=None)
    names = sorted({name for film in films.values() for name, _ in film.peaks})
    for name in names:
        table.add_row(name, *(f"{film.largest(name):.0f}" for film in films.values()))
    table.add_row("chunks", *(str(len(film.growth)) for film in films.values()))
    table.add_row("rendered in, s", *(f"{film.seconds:.0f}" for film in films.values()))
    console.print(table)
    for seconds, film in films.items():
        step = max(1, len(film.growth) // 6)
        held = ", ".join(f"{mb:.0f} MB after {chunks}" for chunks, mb in film.growth[::step])
        console.print(f"{seconds} s, the rendering process: {held}; {film.slope:+.3f} MB a chunk")
        peak = max(film.peaks.values())
        verdict = "met" if peak < LIMIT else "MISSED"
        console.print(f"aim: under {LIMIT:.0f} MB: {peak:.0f} MB, {verdict}")


@click.command()
@click.argument("seconds", type=int, nargs=-1)
@click.option("--example", type=click.Path(path_type=Path), default=EXAMPLE, help="The animatic.")
def main(seconds: tuple[int, ...], example: Path) -> None:
    """Render films of so many SECONDS (30 and 600 without any), and measure each."""
    films = {}
    for length in seconds or (30, 600):
        with TemporaryDirectory() as scratch:
            animatic = repeated(example, length, Path(scratch) / "animatic")
            films[length] = measure(animatic, Path(scratch))
            click.echo(f"{length} s: {films[length].seconds:.0f} s", err=True)
    print_peaks(films)


if __name__ == "__main__":
    main()
