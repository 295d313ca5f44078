"""What a person sees in a terminal: bars, tables, names as they were written, help."""

import os
import pty
import re
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Self

import pytest

from chunk_assets.cli.progress import ChunkProgress
from chunk_assets.cli.terminal import cut, plain, print_table
from chunk_assets.schemas import ChunkSpec
from chunk_assets_tests.cli.commands import COMMAND, done, run
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow

NASTY = "[bold]x[/bold] [/] :smile: \x1b[31mred\x07 \u202eevil\nline"
SHOWN = r"[bold]x[/bold] [/] :smile: \x1b[31mred\x07 \u202eevil\nline"


class Screen:
    """A terminal of 80 columns and 10 lines: inside the block, stderr is it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **environment: str):
        self._reader, writer = pty.openpty()
        self._stream = os.fdopen(writer, "w", encoding="utf-8")
        self._seen = b""
        # A terminal that is not read from soon blocks its writers.
        self._watching = threading.Thread(target=self._watch)
        self._patch, self._more = monkeypatch, environment

    def __enter__(self) -> Self:
        self._patch.setattr(sys, "stderr", self._stream)
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
            self._patch.delenv(name, raising=False)
        # The size that counts is that of the process's own stderr, which pytest has elsewhere.
        for name, value in {"COLUMNS": "80", "LINES": "10", "TERM": "xterm", **self._more}.items():
            self._patch.setenv(name, value)
        self._watching.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._patch.undo()
        self._stream.close()
        self._watching.join()
        os.close(self._reader)

    def _watch(self) -> None:
        with suppress(OSError):  # which is how Linux tells the end of a terminal
            while block := os.read(self._reader, 65536):
                self._seen += block

    @property
    def seen(self) -> str:
        """Everything that was written to it, once the block has ended."""
        return self._seen.decode()


def lines(seen: str) -> list[str]:
    """What a terminal shows of it, line by line, without colours and movements."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen))


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal; pytest replaces stderr after the fixtures, so a test has to enter it."""
    return Screen(monkeypatch)


def spec(number: int, name: str = "opening") -> ChunkSpec:
    """A chunk of a film."""
    return ChunkSpec(
        video_id="film",
        chunk_num=number,
        start_time=2.0 * number,
        duration=2.0,
        beat={"name": name},
        animatic_frame_url="one.png",
        prompt="x",
    )


def test_what_a_terminal_would_act_upon_is_shown_instead():
    """Control characters and the like appear as escapes; letters of every script stay."""
    assert plain(NASTY) == SHOWN
    assert plain("広告 – Été") == "広告 – Été"
    assert cut("広告広告", 5) == "広告…"


def test_a_terminal_gets_a_bar_a_chunk(screen: Screen):
    """Bars move, finished ones say how long they took, and all give way when it is done."""
    with screen, ChunkProgress(3) as progress:
        progress.kept(spec(0))
        progress.started(spec(1, NASTY))
        progress.progressed(spec(1), 0.45)
        progress._bars.refresh()
        progress.rendered(spec(1), 3.21)
        progress._bars.refresh()
        with progress.stitching():
            progress._bars.refresh()
    seen = screen.seen
    for text in ("chunk 00 (1 of 3), opening", "kept", "45%", "3.2 s", "stitching the film"):
        assert text in seen
    assert r"chunk 01 (2 of 3), [bold]x[/bold] [" in seen
    assert "\x07" not in seen
    assert progress.seconds == {1: 3.21}
    assert seen.rstrip().endswith("\x1b[2K")  # the last that is written wipes the bars' lines
    assert max(map(len, lines(seen))) <= 80


def test_no_color_leaves_the_bars_without_colours(monkeypatch: pytest.MonkeyPatch):
    """With NO_COLOR, as no-color.org has it, bars move and nothing is coloured."""
    with Screen(monkeypatch, NO_COLOR="1") as screen, ChunkProgress(3) as progress:
        progress.kept(spec(0))
        progress._bars.refresh()
    assert "chunk 00 (1 of 3), opening" in screen.seen
    styles = re.findall(r"\x1b\[([0-9;]*)m", screen.seen)
    codes = {int(code or 0) for style in styles for code in style.split(";")}
    assert not codes & {*range(30, 50), *range(90, 108)}


def test_a_terminal_that_can_move_nothing_gets_lines(monkeypatch: pytest.MonkeyPatch):
    """A dumb terminal gets what a log gets."""
    with Screen(monkeypatch, TERM="dumb") as screen, ChunkProgress(3) as progress:
        progress.kept(spec(0))
    assert screen.seen == "chunk 00 (1 of 3), opening: kept\r\n"


def test_a_film_of_more_chunks_than_lines_shows_the_last_ones(screen: Screen):
    """The chunk that is being rendered is always on the screen."""
    with screen, suppress(KeyboardInterrupt), ChunkProgress(100) as progress:
        for number in range(100):
            progress.kept(spec(number))
        raise KeyboardInterrupt  # the bars stay where they are
    last = screen.seen.rsplit("\x1b[2K", 1)[-1]
    assert "chunk 99 (100 of 100)" in last
    assert "chunk 94" in last
    assert "chunk 93" not in last


def test_a_table_takes_cells_literally(capsys: pytest.CaptureFixture[str]):
    """Nothing in a cell is markup, and nothing is cut or folded in a file."""
    print_table(["name", ">cost"], [[NASTY * 3, "$1.00"], ["b", "$10.00"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(SHOWN * 3)
    assert lines[2].endswith(" $10.00")
    assert len(lines) == 3


def test_a_row_without_room_becomes_lines_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """What does not fit side by side is stacked, and broken between words at most."""
    monkeypatch.setenv("COLUMNS", "40")
    rows: list[list[object]] = [
        ["aurora", "stale: " + "word " * 12, "$1.13", ""],
        ["b", "", "$2", "x"],
    ]
    print_table(["film", "state", ">cost", "note"], rows)
    assert capsys.readouterr().out.splitlines() == [
        "aurora",
        "  state stale: word word word word word",
        "    word word word word word word word",
        "  cost $1.13",
        "b",
        "  cost $2   note x",
    ]


def test_beat_names_are_shown_as_they_are(animatic: Animatics):
    """Names with markup, control characters and great length pass through every command."""
    beats = [
        {"name": NASTY, "duration": 4, "prompt_template": "x"},
        {"name": "long " * 40, "duration": 2, "prompt_template": "x"},
    ]
    animatic(beats=beats)
    ended = done("render", "film")
    assert ended.stderr.splitlines()[0].startswith(f"chunk 00 (1 of 3), {SHOWN}: rendered in")
    row = ended.stdout.splitlines()[1]
    assert row.startswith("00     [bold]x[/bold] [/] :smile:")
    table = [line for line in ended.stdout.splitlines() if "reference pictures" not in line]
    assert all(len(line) <= 80 for line in table)
    assert "[bold]x[/bold] [/] :smi" in done("status", "film").stdout
    assert done("status", "film", "--json").document["chunks"][0]["beat"] == NASTY


@pytest.mark.parametrize("command", ["", "render", "submit", "status", "dev"])
def test_help_fits_a_terminal(command: str, monkeypatch: pytest.MonkeyPatch):
    """Every command explains itself within 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    text = done(*filter(None, [command]), "--help").stdout
    assert text.startswith(f"Usage: chunk-assets {command}".rstrip())
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "..." not in text.replace("[ARGS]...", "")


def test_help_needs_no_dagster():
    """What takes seconds to import is left until it is needed."""
    program = (
        "import sys; from chunk_assets.cli.main import main; "
        "main(['render', '--help'], standalone_mode=False); "
        "slow = {'dagster', 'boto3', 'numpy', 'av', 'PIL'} & sys.modules.keys(); "
        "sys.exit(f'imported: {slow}' if slow else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_without_a_command_the_help_comes():
    """It is no error that needs words."""
    ended = run()
    assert "Usage: chunk-assets" in ended.stdout + ended.stderr
    assert "Error" not in ended.stderr


def test_a_reader_that_has_gone_is_no_error(animatic: Animatics):
    """`chunk-assets submit ... | head -0` ends in silence."""
    command = [COMMAND, "submit", "--dry-run", str(animatic())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0
