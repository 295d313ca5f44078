"""Videos that this machine stored on S3 are cached in its home."""

import os
import time
from pathlib import Path

import pytest

from chunk_assets.defs.resources import connect
from chunk_assets.errors import NotStored
from chunk_assets.files.digests import bytes_digest
from chunk_assets.settings import Settings
from chunk_assets.storage.objects import ObjectRef, read_video
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.video_cache import VideoCache


def a_file(path: Path, content: bytes) -> tuple[Path, str]:
    """A file with that content, and its sha256."""
    path.write_bytes(content)
    return path, bytes_digest(content)


def aged(path: Path, seconds: float) -> None:
    """Have a file lie there for so long."""
    since = time.time() - seconds
    os.utime(path, (since, since))


def test_a_file_is_kept_and_copied(tmp_path: Path):
    """Also when the original is gone; the copy is a file of its own, and only its owner sees it."""
    video_cache, copy = VideoCache(tmp_path / "nearby"), tmp_path / "copy"
    path, name = a_file(tmp_path / "clip.mp4", b"frames")
    assert not video_cache.copy(name, copy), "it has not come yet"
    video_cache.keep(path, name)
    path.unlink()
    for _ in range(2):
        assert video_cache.copy(name, copy)
        assert copy.read_bytes() == b"frames"
        copy.write_bytes(b"somebody writes to the copy")
    assert (tmp_path / "nearby").stat().st_mode & 0o777 == 0o700
    assert sorted(found.name for found in tmp_path.iterdir()) == ["copy", "nearby"]


def test_what_was_written_to_is_not_given(tmp_path: Path):
    """A file whose content does not match its name is removed, and nothing is copied."""
    video_cache = VideoCache(tmp_path / "nearby")
    path, name = a_file(tmp_path / "clip.mp4", b"frames")
    video_cache.keep(path, name)
    with path.open("ab") as file:
        file.write(b"and more")
    assert not video_cache.copy(name, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert list((tmp_path / "nearby").iterdir()) == []


@pytest.mark.parametrize("name", ["", "clip", "../clip.mp4", f"../{'0' * 64}", "0" * 63 + "\n"])
def test_a_name_that_is_no_digest_is_no_path(tmp_path: Path, name: str):
    """S3's records come from outside."""
    video_cache = VideoCache(tmp_path / "nearby")
    path, _ = a_file(tmp_path / "clip.mp4", b"frames")
    video_cache.keep(path, name)
    assert not (tmp_path / "nearby").exists()
    assert not video_cache.copy(name, tmp_path / "copy")
    assert [found.name for found in tmp_path.iterdir()] == ["clip.mp4"]


def test_the_oldest_make_room(tmp_path: Path):
    """Of four files of which three have room, the one that came first goes."""
    video_cache = VideoCache(tmp_path / "nearby", max_bytes=30)
    files = [a_file(tmp_path / str(number), b"%010d" % number) for number in range(4)]
    for number, (path, name) in enumerate(files):
        video_cache.keep(path, name)
        aged(tmp_path / "nearby" / name, seconds=100 - number)
    path, name = files[-1]
    video_cache.keep(path, name)
    names = [name for _, name in files]
    assert [video_cache.copy(name, tmp_path / "copy") for name in names] == [
        False,
        True,
        True,
        True,
    ]


def test_the_old_goes_when_anybody_comes(tmp_path: Path):
    """An hour later nothing is left, also where nothing new comes."""
    path, name = a_file(tmp_path / "clip.mp4", b"frames")
    VideoCache(tmp_path / "nearby").keep(path, name)
    kept = tmp_path / "nearby" / name
    VideoCache(tmp_path / "nearby")
    assert kept.exists()
    aged(kept, seconds=3601)
    VideoCache(tmp_path / "nearby")
    assert not kept.exists()


def test_a_disk_that_takes_nothing_is_no_fault(tmp_path: Path):
    """What cannot be kept is fetched."""
    (tmp_path / "file").write_text("in the way")
    path, name = a_file(tmp_path / "clip.mp4", b"frames")
    video_cache = VideoCache(tmp_path / "file" / "nearby")
    video_cache.keep(path, name)
    assert not video_cache.copy(name, tmp_path / "copy")


def test_a_video_comes_from_nearby(store: ObjectStore, tmp_path: Path):
    """Without S3 being asked; one that is not there any more is fetched."""
    near = ObjectStore(store.client, store.bucket, video_cache=VideoCache(tmp_path / "nearby"))
    path, name = a_file(tmp_path / "clip.mp4", b"frames")
    stored = ObjectRef(near, "videos/film/stitched.mp4").write_video(path)
    (tmp_path / "nearby" / name).unlink()
    read_video(near, stored, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"frames"
    stored = ObjectRef(near, "videos/film/stitched.mp4").write_video(path)
    store.client.delete_object(Bucket=store.bucket, Key=stored.key)
    read_video(near, stored, tmp_path / "near")
    assert (tmp_path / "near").read_bytes() == b"frames"
    with pytest.raises(NotStored):
        read_video(store, stored, tmp_path / "fetched")


def test_it_lies_in_the_home(store: ObjectStore, settings: Settings, tmp_path: Path):
    """For every process of this machine."""
    path, name = a_file(tmp_path / "clip.mp4", b"frames")
    ObjectRef(connect(settings), "videos/film/stitched.mp4").write_video(path)
    assert (settings.home / "nearby" / name).read_bytes() == b"frames"
