"""`models`: what can be chosen, how long, how large, and for how much."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from chunk_assets.generation.catalog import load_catalog
from chunk_assets_tests.cli.commands import done, sentence

pytestmark = pytest.mark.slow

ALONE = "from chunk_assets.cli.models import models; models.main([], standalone_mode=False)"

TABLE = """\
model                   seconds  size                   price  sound   takes
zeroscope-v2-xl            to 5  to 1024x576      ~$0.10/clip  never   seed
wan-2.2-i2v-fast      5.06-7.56  480p, 720p   ~$0.012-0.032/s  never   end, seed
wan-2.1-i2v-480p              5  832x480          ~$0.45/clip  never   seed
hailuo-2.3-fast           6, 10  768p, 1080p  ~$0.032-0.055/s  never   -
seedance-1-pro-fast        2-12  480p-1080p    ~$0.015-0.06/s  never   seed
kling-v2.5-turbo-pro      5, 10  the image's         ~$0.07/s  never   end
ltx-video             4.04-10.7  512-1024         ~$0.08/clip  never   seed
wan-2.7-i2v                2-15  720p, 1080p    ~$0.10-0.15/s  always  end, seed
wan-2.6-i2v                5-15  720p, 1080p    ~$0.10-0.15/s  always  seed
wan-2.6-i2v-flash          5-15  720p, 1080p   ~$0.05-0.075/s  off     seed
kling-v3                   3-15  720p, 1080p  ~$0.168-0.224/s  off     end
kling-v2.6                5, 10  the image's         ~$0.07/s  off     -
kling-o1                  5, 10  720p, 1080p  ~$0.084-0.112/s  never   end, refs
veo-3.1-fast                4-8  720p, 1080p         ~$0.10/s  off     end, seed
seedance-2.0               4-15  480p, 720p     ~$0.08-0.18/s  off     end, seed
seedance-2.0-fast          4-15  480p, 720p     ~$0.06-0.13/s  off     end, seed
seedance-1.5-pro           2-12  the image's        ~$0.026/s  off     end, seed
hailuo-2.3                6, 10  768p, 1080p  ~$0.047-0.082/s  never   -
ltx-2.3-fast               6-20  1080p-4k       ~$0.04-0.16/s  off     end
p-video                    1-10  720p, 1080p    ~$0.02-0.04/s  off     seed
pixverse-v5.6              5-10  360p-1080p     ~$0.07-0.15/s  off     end, seed
vidu-q3-pro                1-16  540p-1080p     ~$0.07-0.16/s  off     end, seed
vidu-q3-turbo              1-16  540p-1080p     ~$0.04-0.08/s  off     end, seed
runway-gen-4.5            5, 10  1280x720            ~$0.12/s  never   seed
grok-imagine               1-15  480p, 720p          ~$0.05/s  ?       -
happyhorse-1.0             3-15  720p, 1080p    ~$0.14-0.28/s  ?       seed
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHUNK_ASSETS_MODELS", raising=False)


def test_models_are_a_table_of_what_they_take_make_and_cost():
    """Each model on a line, in at most 80 columns, and a legend of the columns below."""
    *lines, legend, retired = [line.rstrip() for line in done("models").stdout.splitlines()]
    assert lines == TABLE.splitlines()
    assert max(map(len, lines)) <= 80
    assert legend.startswith("zeroscope-v2-xl is the default. seconds: the allowed lengths of a cl")
    assert all(f" {name}: " in legend for name in ("size", "price", "sound", "takes"))
    assert retired == "Retired: sora-2; use veo-3.1-fast or kling-v3."


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_models_can_be_read_at_every_width(monkeypatch: pytest.MonkeyPatch, columns: int):
    """No line is too long, and no name or price is cut or broken."""
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = done("models").stdout
    assert max(map(len, map(str.rstrip, shown.splitlines()))) <= columns
    assert "…" not in shown
    for row in TABLE.splitlines()[1:]:
        name, price = row.split()[0], next(word for word in row.split() if "$" in word)
        assert name in shown
        assert price in shown


def test_a_long_name_folds_in_a_narrow_terminal(tmp_path: Path):
    """In a real terminal of 80 columns, figures are never cut."""
    (tmp_path / "own.toml").write_text(
        f'[{"long-" * 10}]\nreplicate = "a/b"\nis_official = true\nsize = {{ kind = "image" }}\n'
        'media = { parameter = "image", kind = "image" }\n'
        'length = { kind = "fixed", seconds = 5, fps = 24 }\n'
        'price = { unit = "clip", usd = 12.5, source = "a bill", date = 2026-01-01 }\n'
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")},
        "CHUNK_ASSETS_MODELS": str(tmp_path / "own.toml"),
        "TERM": "dumb",
    }
    with subprocess.Popen([sys.executable, "-c", ALONE], stdout=theirs, env=environment) as child:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal says that the program has ended
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    assert child.returncode == 0
    lines = shown.decode().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("~$0.032-0.055/s" in line for line in lines)
    assert any("  $12.50/clip" in line for line in lines)


def test_json_tells_everything():
    """One document: every field of every model, and which one is taken without a choice."""
    document = done("models", "--json").document
    assert document["default"] == "zeroscope-v2-xl"
    shown = {model["name"]: model for model in document["models"]}
    assert list(shown) == list(load_catalog())
    assert [model["name"] for model in document["retired"]] == ["sora-2"]
    assert shown["kling-o1"]["abilities"] == {
        "end_image": True,
        "references": 7,
        "sound": "never",
        "seeds": False,
    }
    assert shown["hailuo-2.3-fast"]["price"]["usd"] == {"768p": 0.0316, "1080p": 0.055}
    assert shown["zeroscope-v2-xl"]["media"] == {
        "parameter": "init_video",
        "kind": "video",
        "is_list": False,
    }
    assert (shown["ltx-video"]["is_official"], shown["ltx-video"]["longest_seconds"]) == (
        False,
        257 / 24,
    )


def test_a_file_of_ones_own_is_listed_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its price is no estimate; and a mistake in it is a sentence."""
    path = tmp_path / "own.toml"
    monkeypatch.setenv("CHUNK_ASSETS_MODELS", str(path))
    path.write_text("[ltx-video.price]\nusd = 0.09\n")
    assert "  $0.09/clip" in done("models").stdout
    path.write_text("[ltx-video.price]\nusd = 'cheap'\n")
    assert "own.toml', table [ltx-video]: price.usd" in sentence("models")
    path.unlink()
    assert "own.toml' cannot be read: it does not exist" in sentence("models")


def test_listing_models_needs_no_server_and_no_dagster(tmp_path: Path):
    """It imports nothing slow, and leaves nothing behind."""
    code = (
        f"{ALONE}; slow = {{'dagster', 'boto3', 'numpy', 'av', 'PIL', 'jsonschema'}};"
        "import sys; print(sorted(slow & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"
    assert list(tmp_path.iterdir()) == []
