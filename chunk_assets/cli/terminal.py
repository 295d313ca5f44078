"""How text and tables look in a terminal, whatever stands in them."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNCUT = 400
"""Cells of a line that goes to a file or another program: nothing is folded there."""


def plain(text: object) -> str:
    r"""A text as it was written, on one line: what a terminal would act upon shows as `\x1b`."""
    characters = (c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return "".join(characters)


def cut(text: object, cells: int) -> str:
    """A plain text of at most so many terminal cells."""
    short = Text(plain(text))
    short.truncate(cells, overflow="ellipsis")
    return short.plain


def print_table(columns: list[str], rows: list[list[object]], flexible: str = "") -> None:
    """Print rows on stdout under bold headings; figures stand on the right.

    Args:
        columns: The headings; one that begins with `>` is of figures.
        rows: A cell a column, taken literally.
        flexible: The heading of the column that folds when the terminal is narrow.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        heading = name.removeprefix(">")
        table.add_column(
            heading,
            justify="right" if name.startswith(">") else "left",
            no_wrap=heading != flexible,
            overflow="fold" if heading == flexible else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else _UNCUT).print(table)
