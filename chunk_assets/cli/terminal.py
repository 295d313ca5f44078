"""How text and tables look in a terminal, whatever stands in them."""

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
"""Cells of a line that goes to a file or another program: nothing is folded there."""

_FOLDED = 16
"""The least width of a column that folds; with less room, each row becomes lines of its own."""


def cut(text: object, cells: int) -> str:
    """A plain text of at most so many terminal cells."""
    short = Text(plain(text))
    short.truncate(cells, overflow="ellipsis")
    return short.plain


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], flexible: str = ""
) -> None:
    """Print rows on stdout under bold headings; figures stand on the right.

    Where the terminal is too narrow for a table, each row becomes a title and lines of its own:
    nothing is cut.

    Args:
        columns: The headings; one that begins with `>` is of figures.
        rows: A cell a column, taken literally.
        flexible: The heading of the column that folds when the terminal is narrow.
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
    """Print a text on stdout, broken between words where the terminal is narrow.

    Args:
        text: What to print.
        indent: What stands before every line but the first.
    """
    click.echo("\n".join(_wrapped(text, _console().width, indent)))


def _console() -> Console:
    """Stdout: as wide as the terminal, or as COLUMNS says."""
    is_known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(width=None if is_known else _UNCUT, highlight=False)


def _least_width(headings: list[str], cells: list[list[str]], flexible: str) -> int:
    """How many columns a terminal needs for these rows to stand side by side."""
    widths = []
    for number, heading in enumerate(headings):
        widest = max([heading, *(row[number] for row in cells)], key=cell_len)
        width = cell_len(widest)
        widths.append(min(width, _FOLDED) if heading == flexible else width)
    return sum(widths) + 2 * (len(widths) - 1)


def _print_stacked(console: Console, headings: list[str], row: list[str]) -> None:
    """Print one row as a title and, below it, its other cells with their headings."""
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
