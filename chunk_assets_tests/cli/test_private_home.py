"""What commands write belongs to their user alone; what they are asked for follows the umask."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from chunk_assets.settings import Settings
from chunk_assets_tests.cli.commands import COMMAND, done, run, sentence
from chunk_assets_tests.manifests import small_manifest, write_animatic

pytestmark = pytest.mark.slow


def loose(home: Path) -> list[str]:
    """What in a home others may read, write or enter."""
    found = []
    for path in [home, *home.rglob("*")]:
        with suppress(FileNotFoundError):  # the S3 server ends meanwhile, and removes its sockets
            if not path.is_symlink() and path.stat().st_mode & 0o077:
                found.append(str(path))
    return found


@pytest.mark.parametrize("umask", [0, 0o022])
def test_a_film_and_its_page_are_shared_and_the_home_is_not(tmp_path: Path, umask: int):
    """Rendering with its own S3 server, FFmpeg and Dagster leaves 0700 and 0600, by any umask."""
    write_animatic(tmp_path / "film", small_manifest())
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CHUNK_"))}
    environment |= {"CHUNK_ASSETS_HOME": str(tmp_path / "home")}
    for command in (["render", "film", "-o", "film.mp4"], ["page", "film"]):
        ended = subprocess.run(
            [COMMAND, *command],
            cwd=tmp_path,
            env=environment,
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
    assert loose(tmp_path / "home") == []
    for name in ("film.mp4", "film.html"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_command_leaves_the_umask_as_it_was(settings: Settings):
    """Also when it fails."""
    before = os.umask(0o027)
    try:
        run("models")
        sentence("status", "no such film")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_no_secret_of_the_servers_url_is_said(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A user, a password and a query in AWS_ENDPOINT_URL are left out wherever it is named."""
    port = 9  # discard: nothing listens there
    write_animatic(tmp_path / "film", small_manifest())
    for url in (
        f"http://ann:s3cretpass@127.0.0.1:{port}/?token=s3crettoken#s3cretfragment",
        f"http://s3crettoken@127.0.0.1:{port}",
        f"http://ann:s3cret@pass@127.0.0.1:{port}",
        "http://ann:s3cretpass@[::1",
        "http://ann:s3cretpass@127.0.0.1:notaport",
    ):
        monkeypatch.setenv("CHUNK_ASSETS_BUCKET", "films")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
        for command in (
            ["status"],
            ["doctor"],
            ["doctor", "--json"],
            ["submit", tmp_path / "film"],
        ):
            ended = run(*command)
            assert ended.code in (1, 2)
            assert "s3cret" not in ended.stdout + ended.stderr, url


def test_odd_arguments_are_shown_by_their_code():
    """An argument with an escape sequence, an override or a line break does not act."""
    for odd in ("\x1b]0;owned\x07", "a\u202eb", "a\nError: b", "x" * 5_000):
        said = sentence("status", odd)
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert len(said) < 1_300


def test_models_are_shown_as_before():
    """A command that needs no home makes none."""
    assert done("models").stdout
