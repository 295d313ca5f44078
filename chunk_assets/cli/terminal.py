"""Print tables and sentences that fit the terminal."""

import os
import sys
import textwrap
from collections.abc import Sequence

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chunk_assets.sentences import plain

__all__ = ["cut", "plain", "print_table"]

_UNCUT = 400
"""Width of lines to a file or another program, where nothing is folded."""

_FOLDED = 16
"""Minimum width of a column that folds; in a narrower terminal each row is printed as lines."""


def cut(text: object, cells: int) -> str:
    """Shorten a text to this many terminal cells, without control characters."""
    short = Text(plain(text))
    short.truncate(cells, overflow="ellipsis")
    return short.plain


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], flexible: str = ""
) -> None:
    """Print rows on stdout under bold headings.

    If the terminal is too narrow for a table, each row is printed as a title and lines: nothing is
    cut.

    Args:
        columns: The headings; one that starts with `>` is right-aligned, for numbers.
        rows: One cell per column, printed literally.
        flexible: The heading of the column that folds in a narrow terminal.
    """
    console = _console()
    headings = [name.removeprefix(">") for name in columns]
    cells = [[plain(cell) for cell in row] for row in rows]
    if _least_width(headings, cells, flexible) > console.width:
        for row in cells:
            _print_stacked(console, headings, row)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, heading in zip(columns, headings, strict=True):
        table.add_column(
            heading,
            justify="right" if name.startswith(">") else "left",
            no_wrap=heading != flexible,
            overflow="fold" if heading == flexible else "ellipsis",
        )
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


def print_sentence(text: str, indent: str = "") -> None:
    """Print a text on stdout, wrapped between words.

    Args:
        text: The text.
        indent: The start of every line but the first.
    """
    click.echo("\n".join(_wrapped(text, _console().width, indent)))


def _console() -> Console:
    """Return a console on stdout, as wide as the terminal or COLUMNS."""
    is_known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(width=None if is_known else _UNCUT, highlight=False)


def _least_width(headings: list[str], cells: list[list[str]], flexible: str) -> int:
    """Return the width that these rows need as a table."""
    widths = []
    for number, heading in enumerate(headings):
        widest = max([heading, *(row[number] for row in cells)], key=cell_len)
        width = cell_len(widest)
        widths.append(min(width, _FOLDED) if heading == flexible else width)
    return sum(widths) + 2 * (len(widths) - 1)


def _print_stacked(console: Console, headings: list[str], row: list[str]) -> None:
    """Print a row as a title, and below it the other cells with their headings."""
    lines, line = [], ""
    for heading, cell in zip(headings[1:], row[1:], strict=True):
        item = f"{heading} {cell}".strip()
        if not cell:
            continue
        if line and cell_len(line) + 3 + cell_len(item) > console.width:
            lines.append(line)
            line = ""
        line = f"{line}   {item}" if line else f"  {item}"
    title = Text(row[0], style="bold", overflow="fold")
    console.print(title)
    for text in [*lines, line] if line else lines:
        for part in _wrapped(text, console.width, "    "):
            console.print(Text(part, overflow="fold"))


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    if len(text) <= width:
        return [text]
    start = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(
        text.lstrip(),
        width,
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
