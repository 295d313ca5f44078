"""Submitting a directory: files are read once, no link is followed, checked bytes are uploaded."""

import json
import os
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from chunk_assets.deployment import Deployment, configure
from chunk_assets.errors import ChunkAssetsError, MediaError, NotStored, SpecError
from chunk_assets.film.plan import plan_film
from chunk_assets.film.submission import read_directory, submit
from chunk_assets.limits import Limits
from chunk_assets.schemas import MAX_MANIFEST_BYTES
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.manifests import picture, small_manifest, write_animatic

COMPOSED = "scène.png"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)

ODD_NAMES = [
    "Screenshot 2024-05-01 at 3.45.12\u202fPM.png",
    "a\u00a0b c.png",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    COMPOSED,
    DECOMPOSED,
    "./folder//a+b%20c?d#e&f=g;h.png",
    "é" * 120 + ".png",
]


def film(directory: Path, *names: str) -> Path:
    """Write an animatic of 6 s with these names of frames."""
    frames = list(names) or ["one.png", "two.png"]
    document = small_manifest(frames=frames[:2] if len(frames) > 1 else frames * 2)
    document |= {"style_guide": None, "product_reference": None}
    for name in frames:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
    return write_animatic(directory, document)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_unusual_names_work_everywhere(tmp_path: Path, store: ObjectStore, name: str):
    """They are uploaded, downloaded, linked to and planned."""
    animatic = read_directory(film(tmp_path / "film", name))
    assert submit(store, "film", animatic)
    assert not submit(store, "film", animatic)
    content = (tmp_path / "film" / name).read_bytes()
    key = plan_film(store, "film").specs[0].animatic_frame_url.removeprefix(store.uri(""))
    assert key in list(store.keys("animatics/film/"))
    assert store.get_bytes(key)[0] == content
    assert httpx.get(store.link(key)).content == content


@pytest.mark.parametrize(("named", "stored"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_name_in_another_normal_form(tmp_path: Path, store: ObjectStore, named: str, stored: str):
    """A composed and a decomposed name are the same file, in a folder and on S3."""
    directory = film(tmp_path / "film", f"{named[:-4]}/{named}")
    picture(3).save(tmp_path / "other.png")
    other = directory / stored[:-4] / stored
    (directory / named[:-4] / named).unlink()
    (directory / named[:-4]).rmdir()
    other.parent.mkdir()
    (tmp_path / "other.png").rename(other)
    animatic = read_directory(directory)
    assert animatic.pictures[f"{named[:-4]}/{named}"].read_bytes() == other.read_bytes()
    submit(store, "film", animatic)
    key = keys.animatic_file("film", f"{named[:-4]}/{named}")
    content, _ = store.get_bytes(key)
    store.client.delete_object(Bucket=store.bucket, Key=key)
    with pytest.raises(NotStored, match="names the picture"):
        plan_film(store, "film")
    uploaded = store.put_bytes(
        keys.animatic_file("film", f"{stored[:-4]}/{stored}"), content, "image/png"
    )
    assert plan_film(store, "film").specs[0].animatic_frame_url == uploaded.uri


def test_the_same_name_in_two_forms(tmp_path: Path):
    """If two files match, the error names both; an exact match wins."""
    angstrom = ["\u212b.png", "\u00c5.png", "A\u030a.png"]
    directory = film(tmp_path / "film", *angstrom[:2])
    picture(1).save(directory / angstrom[2])
    assert read_directory(directory).sources[1].name == angstrom[0]
    (directory / angstrom[0]).unlink()
    with pytest.raises(SpecError, match=r"may be any of 'A\\u030a.png', '\\xc5.png'") as caught:
        read_directory(directory)
    assert "differ only in how their characters are composed" in str(caught.value)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.fspath(path))


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a directory": (Path.mkdir, "is not a file, but a directory"),
    "a pipe": (os.mkfifo, "is not a file, but a pipe"),
    "a socket": (_socket, "cannot be read: No such device or address"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "a symbolic link"),
    "a link inside": (lambda path: path.symlink_to("two.png"), "a symbolic link"),
    "a link that leads nowhere": (lambda path: path.symlink_to("nowhere"), "a symbolic link"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "a symbolic link"),
}


@pytest.mark.parametrize("name", ["animatic.json", "one.png"])
@pytest.mark.parametrize("kind", KINDS)
def test_special_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
):
    """They are not waited for, read or followed, neither as the manifest nor as a picture."""
    make, said = KINDS[kind]
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    film(Path("film"))
    Path("film", name).unlink()
    make(Path("film", name))
    with pytest.raises(ChunkAssetsError) as caught:
        read_directory(Path("film"))
    assert said in str(caught.value)
    assert name in str(caught.value)


def test_a_linked_folder_is_refused(tmp_path: Path):
    """A picture in a linked folder is not read; the directory itself may be a link."""
    directory = film(tmp_path / "film", "folder/one.png")
    (directory / "folder").rename(tmp_path / "elsewhere")
    (directory / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match="is a symbolic link, or behind one"):
        read_directory(directory)
    film(tmp_path / "good")
    (tmp_path / "link").symlink_to("good")
    assert len(read_directory(tmp_path / "link").pictures) == 2


@pytest.mark.parametrize("name", ["animatic.json", "one.png"])
def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, name: str):
    """Its size is checked first: a sparse file of a terabyte is refused at once."""
    directory = film(tmp_path / "film")
    os.truncate(directory / name, 1 << 40)
    limit = MAX_MANIFEST_BYTES if name == "animatic.json" else Limits().picture_file_bytes
    with pytest.raises(SpecError, match=f"has {1 << 40} bytes: at most {limit} are allowed"):
        read_directory(directory)


def test_pictures_that_are_too_large_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The copies have a limit for all of them together."""
    directory = film(tmp_path / "film")
    size = (directory / "one.png").stat().st_size
    monkeypatch.setattr("chunk_assets.film.safe_files.MAX_TOTAL_BYTES", size + 1)  # a constant
    with pytest.raises(SpecError, match=f"total more than {size + 1} bytes"):
        read_directory(directory)


def test_a_stored_picture_that_is_too_large(tmp_path: Path, store: ObjectStore):
    """It is refused by its size on S3, before it is fetched."""
    submit(store, "film", read_directory(film(tmp_path / "film")))
    configure(Deployment(limits=Limits(picture_file_bytes=1000)))
    with pytest.raises(SpecError, match=r"one.png has \d+ bytes: at most 1000 are allowed"):
        plan_film(store, "film")


def test_files_that_change_while_being_read(tmp_path: Path, store: ObjectStore):
    """The uploaded bytes are those that were checked, whatever happens to the directory."""
    directory = film(tmp_path / "film")
    (tmp_path / "secret").write_text("not for S3")
    before = {name: (directory / name).read_bytes() for name in ("one.png", "two.png")}
    animatic = read_directory(directory)
    (directory / "one.png").unlink()
    (directory / "one.png").symlink_to(tmp_path / "secret")
    (directory / "two.png").write_text("no picture any more")
    (directory / "animatic.json").write_text("{}")
    submit(store, "film", animatic)
    for name, content in before.items():
        assert store.get_bytes(keys.animatic_file("film", name))[0] == content
    assert json.loads(store.get_bytes(keys.manifest("film"))[0])["duration"] == 6


def test_copies_are_private_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Only their owner can read them; they are removed with the result or its error."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    directory = film(tmp_path / "film")
    animatic = read_directory(directory)
    [copies] = tmp_path.glob("chunk-assets-*")
    assert copies.stat().st_mode & 0o077 == 0
    del animatic
    assert not copies.exists()
    (directory / "two.png").write_text("no picture")
    with pytest.raises(MediaError, match=r"film/two.png' is not a picture"):
        read_directory(directory)
    assert list(tmp_path.glob("chunk-assets-*")) == []
    code = (
        "import sys; from pathlib import Path\n"
        "from chunk_assets.film.submission import read_directory\n"
        "kept = read_directory(Path(sys.argv[1]))\n"
        "print(len(list(kept.pictures['one.png'].parent.iterdir())))"
    )
    good = film(tmp_path / "good")
    ended = subprocess.run(
        [sys.executable, "-c", code, good], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "2\n"
    assert list(tmp_path.glob("chunk-assets-*")) == []


def test_a_manifest_with_a_byte_order_mark(tmp_path: Path, store: ObjectStore):
    """It is uploaded unchanged and planned; options are written into it."""
    directory = film(tmp_path / "film")
    manifest = directory / "animatic.json"
    manifest.write_text(manifest.read_text(), encoding="utf-8-sig")
    animatic = read_directory(directory)
    submit(store, "film", animatic)
    assert store.get_bytes(keys.manifest("film"))[0] == manifest.read_bytes()
    assert len(plan_film(store, "film").specs) == 3
    submit(store, "film", animatic.with_choices(continuity="scene"))
    assert plan_film(store, "film").animatic.continuity == "scene"
