"""Draws docs/rooms.svg: the rooms of the package from top to bottom, and which imports which.

`python docs/draw_rooms.py` writes the picture; `--check` only reports whether it is up to date.
The rows are the layers of import-linter's contract in pyproject.toml, the dots are the imports.
"""

import ast
import sys
import tomllib
from html import escape
from pathlib import Path

PACKAGE = "chunk_assets"
REPOSITORY = Path(__file__).parents[1]
PICTURE = REPOSITORY / "docs" / "rooms.svg"

PURPOSES = {
    "api": "the functions of the public Python API that render",
    "cli": "the commands of the terminal",
    "doctor": "checks what a deployment needs",
    "cluster": "workers on several machines; Dagit's protection",
    "definitions": "puts assets, jobs, sensors and resources together",
    "defs": "the Dagster assets, checks, sensors, jobs and partitions",
    "dagster_internals": "all use of Dagster's private API",
    "report": "the film page",
    "checks": "the checks of clips and films",
    "render": "renders the chunks of a film in order",
    "film": "one film on S3: plan, records, status, costs, assembly",
    "generation": "generators, models, prices, ledger, budget",
    "storage": "S3: keys, objects, retries, the local server",
    "planning": "timeline, transitions and prompts",
    "media": "pictures, clips, colour, seams, stitching",
    "files": "atomic writes, locks, work directories, digests",
    "schemas": "the manifest, chunk specs; the environment",
    "deployment": "limits, FFmpeg and models of this process",
    "limits": "limits of files and checks; small types and readers",
    "retry": "retries of what fails for a moment",
    "errors": "the error tree",
    "sentences": "how values are shown in messages",
}
"""What a layer is for, by the name of its first room."""

TOP, ROW, NAMES, WIDTH, DOTS = 132, 30, 210, 560, 26
FITTING = 24
"""Letters of a row's rooms that fit before its purpose."""
BANDS = [
    ("#e8edf7", "knows Dagster"),
    ("#e9f3ea", "knows no Dagster"),
    ("#faf1de", "knows no Dagster and no network"),
]


def layers() -> tuple[list[list[str]], list[int]]:
    """Return the rooms of each layer, from the top, and for each layer its band."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    rows = [
        [room.strip().removeprefix(f"{PACKAGE}.") for room in layer.split("|")]
        for layer in next(c["layers"] for c in contracts if c["type"] == "layers")
    ]
    forbidden = [c for c in contracts if c["type"] == "forbidden"]

    def kept_from(module: str) -> set[str]:
        return {
            room.removeprefix(f"{PACKAGE}.")
            for contract in forbidden
            if module in contract["forbidden_modules"]
            for room in contract["source_modules"]
        }

    no_dagster, no_network = kept_from("dagster"), kept_from("boto3")
    bands = [0 if row[0] not in no_dagster else 2 if row[0] in no_network else 1 for row in rows]
    return rows, bands


def rooms() -> set[str]:
    """Return the package's rooms."""
    inside = (REPOSITORY / PACKAGE).iterdir()
    return {
        path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__"}


def imports() -> set[tuple[str, str]]:
    """Return each room with each other room that it imports."""
    found = set()
    for path in (REPOSITORY / PACKAGE).rglob("*.py"):
        room = path.relative_to(REPOSITORY / PACKAGE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            parts = [name.split(".") for name in names]
            found |= {(room, p[1]) for p in parts if p[0] == PACKAGE and len(p) > 1}
    return {(room, other) for room, other in found if room != other and room != "__init__"}


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Return a line of text."""
    return f'<text x="{x:g}" y="{y:g}" {more}>{escape(words)}</text>'


def draw() -> str:
    """Return the picture."""
    rows, bands = layers()
    if missing := [row[0] for row in rows if row[0] not in PURPOSES]:
        raise SystemExit(f"PURPOSES in {__file__} lacks {', '.join(missing)}")
    if missing := rooms() - {room for row in rows for room in row}:
        raise SystemExit(f"the layers in pyproject.toml lack {', '.join(sorted(missing))}")
    row_of = {room: number for number, row in enumerate(rows) for room in row}
    pairs = {(row_of[a], row_of[b]) for a, b in imports() if a in row_of and b in row_of}
    height = TOP + ROW * len(rows) + 44
    total = WIDTH + DOTS * len(rows) + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1d2430">',
        f'<rect width="{total}" height="{height}" fill="#ffffff"/>',
        text(12, TOP - 16, "room", 'font-weight="600"'),
        text(NAMES, TOP - 16, "purpose", 'font-weight="600"'),
    ]
    for number, row in enumerate(rows):
        top, middle = TOP + ROW * number, TOP + ROW * number + ROW / 2
        across = WIDTH + DOTS * number + DOTS / 2
        names = ", ".join(row) if len(", ".join(row)) <= FITTING else f"{row[0]}, …"
        title = f"<title>{escape(', '.join(row))}</title>"
        parts += [
            f'<rect x="4" y="{top + 1}" width="{total - 8}" height="{ROW - 2}" rx="4" '
            f'fill="{BANDS[bands[number]][0]}">{title}</rect>',
            text(12, middle + 4, names, 'font-family="monospace" font-weight="600"'),
            text(NAMES, middle + 4, PURPOSES[row[0]]),
            text(
                0,
                0,
                row[0],
                f'transform="translate({across + 4:g} {TOP - 8}) rotate(-60)" '
                'font-family="monospace" font-size="12"',
            ),
            f'<rect x="{across - 5:g}" y="{middle - 5:g}" width="10" height="10" fill="#9aa5b8"/>',
        ]
    parts += [
        f'<circle cx="{WIDTH + DOTS * b + DOTS / 2:g}" cy="{TOP + ROW * a + ROW / 2:g}" r="5" '
        f'fill="{"#1d2430" if a < b else "#c22a2a"}"/>'
        for a, b in sorted(pairs)
        if a != b
    ]
    foot = height - 18
    parts.append(text(WIDTH, foot, "● the row imports the column"))
    for number, (colour, words) in enumerate(BANDS):
        x = 12 + 150 * number
        parts.append(f'<rect x="{x}" y="{foot - 11}" width="14" height="14" fill="{colour}"/>')
        parts.append(text(x + 20, foot, words))
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    drawn = draw()
    if "--check" not in sys.argv:
        PICTURE.write_text(drawn, encoding="utf-8")
    elif PICTURE.read_text(encoding="utf-8") != drawn:
        sys.exit(f"{PICTURE} is out of date: run `python docs/draw_rooms.py`")
