"""What a benchmark found: rows of figures beside their baselines, and the aim of each."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: What was measured.
        value: The figure.
        unit: Its unit.
        ratio: How many times the row it is a baseline of, measured in the same run.
        aim: What it is to be, in words.
        is_met: Whether it is; None where there is no aim.
    """

    what: str
    value: float
    unit: str = "s"
    ratio: float | None = None
    aim: str = ""
    is_met: bool | None = None

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row as text."""
        digits = f"{self.value:,.0f}" if abs(self.value) >= 100 else f"{self.value:.3g}"
        ratio = f"{self.ratio:.3g} ×" if self.ratio is not None else ""
        met = {None: "", True: ", met", False: ", MISSED"}[self.is_met]
        return self.what, f"{digits} {self.unit}".strip(), ratio, f"{self.aim}{met}"


def print_rows(title: str, rows: Sequence[Row]) -> None:
    """To the terminal."""
    table = Table("", "measured", "ratio", "aim", title=title, box=None, title_justify="left")
    for row in rows:
        table.add_row(*row.cells)
    Console().print(table, "")


HEAD = """# Results

Ratios are taken side by side in one run: the seconds are the machine's, which is named with each.
"""


def section(title: str, command: str, rows: Sequence[Row]) -> str:
    """One benchmark's part of the page of results: command, machine and rows."""
    lines = [f"## {title}", "", f"`{command}`, {_machine()}", "", "| | measured | ratio | aim |"]
    lines += ["|---|---|---|---|"]
    lines += [f"| {' | '.join(row.cells)} |" for row in rows]
    return "\n".join(lines) + "\n"


def with_section(page: str, new: str) -> str:
    """The page of results with a part in the place of the one of its title, or behind all."""
    parts = [f"## {part}" for part in page.split("\n## ")[1:]]
    title = new.partition("\n")[0]
    titles = [part.partition("\n")[0] for part in parts]
    if title in titles:
        parts[titles.index(title)] = new
    else:
        parts.append(new)
    return "\n".join([HEAD, *(part.strip("\n") + "\n" for part in parts)])


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores "
        f"({platform.machine()}), {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, Dagster {version('dagster')}, "
        f"PyAV {version('av')}; load at the end {load}."
    )
