"""The bucket: whole objects with their digests, and S3's errors in our words."""

import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chunk_assets.defs.resources import FilmS3
from chunk_assets.errors import NotAnswering, NotStored, StorageError
from chunk_assets.files.digests import bytes_digest
from chunk_assets.schemas import ChunkGenerationOutput
from chunk_assets.storage.local.weed import Server
from chunk_assets.storage.objects import ObjectRef, content_version
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.dagit import free_port
from chunk_assets_tests.manifests import picture


def test_bytes_come_back_with_their_record(store: ObjectStore):
    """Content, type, digest and record are what was written."""
    written = store.put_bytes("a/b.txt", b"hello", "text/plain", {"seed": "7"})
    content, stored = store.get_bytes("a/b.txt")
    assert content == b"hello"
    assert stored == written
    assert stored.record == {
        "seed": "7",
        "sha256": bytes_digest(b"hello"),
        "size": "5",
        "etag": "5d41402abc4b2a76b9719d911017c592",
    }
    head = store.client.head_object(Bucket=store.bucket, Key="a/b.txt")
    assert head["ContentType"] == "text/plain"


def test_a_large_file_streams_in_parts_and_back(store: ObjectStore, tmp_path: Path):
    """20 MB go up in parts and come back to the byte."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"0123456789abcdef" * (20 << 16))
    stored = store.put_file("big.mp4", source, "video/mp4")
    assert store.download("big.mp4", target).sha256 == stored.sha256
    assert target.read_bytes() == source.read_bytes()


def test_what_is_not_stored_is_none_or_an_error(store: ObjectStore, tmp_path: Path):
    """Looking up gives None; reading raises, and leaves no file."""
    assert store.head("nothing") is None
    with pytest.raises(NotStored, match="nothing is stored at s3://"):
        store.get_bytes("nothing")
    with pytest.raises(NotStored):
        store.download("nothing", tmp_path / "file")
    assert list(tmp_path.glob("file*")) == []


def test_damaged_content_is_refused_and_no_file_is_left(store: ObjectStore, tmp_path: Path):
    """Content that changed under its digest is not handed on."""
    store.client.put_object(
        Bucket=store.bucket, Key="x", Body=b"other", Metadata={"sha256": bytes_digest(b"content")}
    )
    target = tmp_path / "down" / "x"
    target.parent.mkdir()
    with pytest.raises(StorageError, match="is damaged"):
        store.download("x", target)
    with pytest.raises(StorageError, match="is damaged"):
        store.get_bytes("x")
    assert list(target.parent.iterdir()) == []


def test_a_download_that_breaks_leaves_what_was_there(store: ObjectStore, tmp_path: Path):
    """A file of before stays when its replacement cannot be had."""
    (tmp_path / "film.mp4").write_text("before")
    with pytest.raises(NotStored):
        store.download("nothing", tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_text() == "before"


def test_a_person_s_object_has_its_etag_for_a_version(store: ObjectStore):
    """What was uploaded by hand can be told from its next version, too."""
    store.client.put_object(Bucket=store.bucket, Key="hand.png", Body=b"1")
    first = store.head("hand.png")
    store.client.put_object(Bucket=store.bucket, Key="hand.png", Body=b"2")
    second = store.head("hand.png")
    assert first is not None
    assert second is not None
    assert first.version.startswith("etag:")
    assert first.version != second.version


def test_a_record_may_hold_any_text(store: ObjectStore):
    """S3 metadata is ASCII; other letters are escaped, not refused."""
    store.put_bytes("k", b"", "text/plain", {"name": 'Größe "x"'})
    stored = store.head("k")
    assert stored is not None
    assert stored.record["name"] == 'Gr\\u00f6\\u00dfe "x"'


def test_names_directly_under_a_folder_are_listed_without_what_lies_deeper(store: ObjectStore):
    """Manifests are found without their frames."""
    for key in ("animatics/a.json", "animatics/a/1.png", "animatics/b.json", "animatics/b.txt"):
        store.put_bytes(key, b"", "text/plain")
    assert list(store.names("animatics/", ".json")) == ["a", "b"]


def test_a_link_opens_in_a_plain_browser(store: ObjectStore):
    """A presigned URL needs no credentials."""
    store.put_bytes("clip.mp4", b"film", "video/mp4")
    with urllib.request.urlopen(store.link("clip.mp4")) as answer:  # noqa: S310 - our own http URL
        assert answer.read() == b"film"
        assert answer.headers["content-type"] == "video/mp4"


def test_an_image_s_version_is_its_pixels(store: ObjectStore, tmp_path: Path):
    """The same picture in another compression is the same version, another picture is not."""
    versions = []
    for number, (seed, level) in enumerate([(1, 0), (1, 9), (2, 9)]):
        path = tmp_path / f"{number}.png"
        picture(seed).save(path, compress_level=level)
        versions.append(content_version(ObjectRef(store, f"{number}.png").write_image(path)))
    assert versions[0] == versions[1] != versions[2]


def test_a_model_is_stored_as_readable_json(store: ObjectStore):
    """JSON in and out; other JSON is named as damaged."""
    output = ChunkGenerationOutput(stitched_video_url="u", chunk_urls=[], total_cost=1)
    ObjectRef(store, "o.json").write_json(output)
    assert ObjectRef(store, "o.json").read_json(ChunkGenerationOutput)[0] == output
    store.put_bytes("o.json", b'{"total_cost": "much"}', "application/json")
    with pytest.raises(StorageError, match="is not a ChunkGenerationOutput"):
        ObjectRef(store, "o.json").read_json(ChunkGenerationOutput)


def test_small_reads_are_bounded(store: ObjectStore):
    """A manifest of gigabytes is not read into memory."""
    store.put_bytes("m.json", bytes(2000), "application/json")
    with pytest.raises(StorageError, match="has 2000 bytes; the limit is 1000"):
        store.get_bytes("m.json", max_bytes=1000)


@pytest.mark.parametrize(
    ("options", "bucket", "said"),
    [
        ({"aws_secret_access_key": "wrong"}, None, "refused to access the bucket"),
        ({"aws_access_key_id": "nobody"}, None, "refused to access the bucket"),
        ({}, "no-such-bucket", "there is no bucket 'no-such-bucket'"),
        ({"endpoint_url": "http://127.0.0.1:1"}, None, "Could not connect to the endpoint URL"),
    ],
)
def test_an_s3_that_cannot_be_used_is_one_sentence(
    store: ObjectStore, s3_server: Server, options: dict[str, str], bucket: str | None, said: str
):
    """Wrong credentials, an absent bucket, no server: named, without a secret."""
    client = FilmS3(
        **{
            "endpoint_url": s3_server.url,
            "aws_access_key_id": s3_server.access_key_id,
            "aws_secret_access_key": s3_server.secret_access_key,
            "max_attempts": 1,
            **options,
        }
    ).get_client()
    with pytest.raises(StorageError) as caught:
        ObjectStore(client, bucket or store.bucket).check()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert s3_server.secret_access_key not in str(caught.value)


@pytest.mark.slow
def test_an_s3_that_is_away_for_a_while_is_waited_for(
    store: ObjectStore, s3_server: Server, caplog: pytest.LogCaptureFixture
):
    """Within the retry time, also by many threads at once, every operation succeeds in the end."""
    port, far = free_port(), urlsplit(s3_server.url)
    client = FilmS3(
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=s3_server.access_key_id,
        aws_secret_access_key=s3_server.secret_access_key,
    ).get_client()
    opened_late = (
        "import asyncio, time; from chunk_assets_tests.cluster.relay import relay; time.sleep(5); "
        f"asyncio.run(relay({port}, {far.hostname!r}, {far.port}))"
    )
    with subprocess.Popen([sys.executable, "-c", opened_late]) as gate:
        try:
            with pytest.raises(NotAnswering):
                ObjectStore(client, store.bucket).head("k")
            patient = ObjectStore(client, store.bucket, retry_seconds=60)

            def put(name: str) -> None:
                patient.put_bytes(name, b"late", "text/plain")

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(put, "12345678"))
        finally:
            gate.kill()
    assert list(store.keys("")) == list("12345678")
    said = f"S3 at http://127.0.0.1:{port} does not answer: retrying for up to 60 s"
    assert set(caplog.messages) == {said}


def test_a_disk_that_is_full_is_one_sentence(store: ObjectStore, tmp_path: Path):
    """Where the file cannot be written, the sentence names it and nothing is left."""
    store.put_bytes("k", b"content", "text/plain")
    blocked = tmp_path / "file"
    blocked.write_text("a file, not a directory")
    with pytest.raises(StorageError, match="cannot be written"):
        store.download("k", blocked / "below")


def test_a_large_object_comes_in_parts_and_an_empty_one_at_all(store: ObjectStore, tmp_path: Path):
    """What is larger than a part, exactly one, or nothing is the same afterwards."""
    for size in (0, 1, 16 << 20, (16 << 20) + 1, 40_000_000):
        content = os.urandom(min(size, 1 << 20)) * (size // (1 << 20)) + b"x" * (size % (1 << 20))
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(content)
        put = store.put_file("large", source, "video/mp4")
        got = store.download("large", target)
        assert target.read_bytes() == content
        assert (got.size, got.sha256) == (len(content), put.sha256)
