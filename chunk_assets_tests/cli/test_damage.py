"""Damaged objects on S3: `status` names them, `render` and `submit` repair them."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import pytest

from chunk_assets.film.records import ClipRecord
from chunk_assets.media.frames import probe
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, rendered, run, sentence
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow

Damage = Callable[[ObjectStore, str], None]

SPEC, COMPOSITE = keys.chunk_spec("film", 1), keys.composite("film", 1)
CLIP, FRAME = keys.chunk_video("film", 1), keys.last_frame("film", 1)


def put(store: ObjectStore, key: str, body: bytes, record: dict[str, str] | None = None) -> None:
    """Replace an object's content, and its record if one is given."""
    stored = store.find(key)
    metadata = dict(stored.record) if record is None else record
    store.client.put_object(Bucket=store.bucket, Key=key, Body=body, Metadata=metadata)


def content(store: ObjectStore, key: str) -> bytes:
    """Return the stored content, whatever its record says."""
    return store.client.get_object(Bucket=store.bucket, Key=key)["Body"].read()


def empty(store: ObjectStore, key: str) -> None:
    """Make it empty."""
    put(store, key, b"")


def truncated(store: ObjectStore, key: str) -> None:
    """Cut off its second half."""
    whole = content(store, key)
    put(store, key, whole[: len(whole) // 2])


def garbled(store: ObjectStore, key: str) -> None:
    """Replace every byte by zero."""
    put(store, key, bytes(store.find(key).size))


def of_another_kind(store: ObjectStore, key: str) -> None:
    """Replace it by a picture of the animatic."""
    put(store, key, content(store, keys.animatic_file("film", "one.png")))


def without_record(store: ObjectStore, key: str) -> None:
    """Remove its record."""
    put(store, key, content(store, key), {})


def with_a_garbled_record(store: ObjectStore, key: str) -> None:
    """Make its record invalid."""
    put(store, key, content(store, key), dict.fromkeys(store.find(key).record, "x"))


def empty_and_without_record(store: ObjectStore, key: str) -> None:
    """Make it empty, without a record."""
    put(store, key, b"", {})


def garbage_without_record(store: ObjectStore, key: str) -> None:
    """Replace it by garbage without a record."""
    put(store, key, b"garbage" * 100, {})


DAMAGES: list[Damage] = [
    empty,
    truncated,
    garbled,
    of_another_kind,
    without_record,
    with_a_garbled_record,
    empty_and_without_record,
    garbage_without_record,
]


KINDS: list[Damage] = [truncated, with_a_garbled_record, empty_and_without_record]
"""Damage to the content, the record, and both."""


def state(store: ObjectStore) -> dict[str, str]:
    """The ETag of each object, by key."""
    return {key: store.find(key).etag for key in store.keys("")}


@pytest.fixture
def film(animatic: Animatics, store: ObjectStore) -> Path:
    """A film that has been rendered."""
    directory = animatic()
    done("render", directory)
    return directory


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_clip_is_named_copied_from_its_take_and_the_film_is_the_same(
    film: Path, store: ObjectStore, settings: Settings, damage: Damage
):
    """Nothing is rendered, whether the clip, its record or both are lost."""
    before = state(store)
    damage(store, CLIP)
    rmtree(settings.home / "nearby")
    (row,) = [line for line in done("status", "film").stdout.splitlines() if line[:2] == "01"]
    assert "stale" in row
    ended = done("render", film, "--json")
    note = ended.stderr.splitlines()[0]
    assert note.startswith("chunk 01: its clip is damaged: ")
    assert note.endswith(("; it will be made again at no cost", "; take 1 is copied in its place"))
    assert rendered(ended) == []
    assert state(store) == before
    assert ClipRecord.of(store.find(CLIP)).take == 1


def test_a_damaged_clip_without_a_take_is_rendered_again_as_the_same_take(
    film: Path, store: ObjectStore, settings: Settings
):
    """So that later chunks stay; the damage is printed before rendering."""
    before = state(store)
    for key in list(store.keys(keys.takes("film", 1))):
        store.delete(key)
    truncated(store, CLIP)
    rmtree(settings.home / "nearby")
    ended = done("render", film, "--json")
    note = ended.stderr.splitlines()[0]
    assert note.startswith("chunk 01: its clip is damaged: ")
    assert note.endswith("; it will be rendered again at no cost")
    assert rendered(ended) == [1]
    take = keys.take("film", 1, 1)  # its record names the run, and its seam is not encoded again
    others = {key: etag for key, etag in before.items() if not key.startswith(take)}
    assert state(store).items() >= others.items()
    assert rendered(done("render", film, "--json")) == []


@pytest.mark.parametrize("key", [SPEC, COMPOSITE, FRAME])
def test_what_is_made_from_stored_objects_costs_no_clip(film: Path, store: ObjectStore, key: str):
    """Specs, composites and last frames are made again, and every clip stays."""
    clips = {number: store.find(keys.chunk_video("film", number)) for number in range(3)}
    for damage in KINDS:
        damage(store, key)
        if key != SPEC:
            document = done("status", "film", "--json").document
            assert [chunk["state"] for chunk in document["chunks"]] == ["fresh", "stale", "fresh"]
            assert "is damaged" in document["chunks"][1]["reason"]
            assert document["frontier"] is None
        ended = done("render", film, "--json")
        assert rendered(ended) == []
        noted = "chunk 01: its " in ended.stderr and "made again at no cost" in ended.stderr
        assert noted == (key != SPEC)
        assert store.damage(store.find(key)) == ""
        assert {chunk["state"] for chunk in ended.document["chunks"]} == {"fresh"}
    assert {n: store.find(keys.chunk_video("film", n)) for n in range(3)} == clips


def test_lost_frames_and_composites_cost_no_clip(film: Path, store: ObjectStore):
    """Each clip's record has the digests of its composite and its last frame."""
    for key in (FRAME, COMPOSITE, keys.last_frame("film", 0)):
        store.client.delete_object(Bucket=store.bucket, Key=key)
        assert rendered(done("render", film, "--json")) == []
        assert store.head(key) is not None


def test_a_damaged_film_is_stitched_again(film: Path, store: ObjectStore, settings: Settings):
    """The film and its output are made again from the clips."""
    before = state(store)
    for key in (keys.stitched_video("film"), keys.output("film")):
        for damage in KINDS:
            if key == keys.output("film") and damage is with_a_garbled_record:
                continue  # it can be read
            damage(store, key)
            rmtree(settings.home / "nearby", ignore_errors=True)
            assert done("status", "film", "--json").document["film"] != "fresh"
            assert rendered(done("render", film, "--json")) == []
            assert state(store) == before
            assert probe(Path("film.mp4")).frames == 48


def test_a_damaged_seam_is_made_again(film: Path, store: ObjectStore, settings: Settings):
    """The next stitching makes them again, without a message."""
    before = content(store, keys.stitched_video("film"))
    for damage in KINDS:
        damage(store, keys.seam("film", 1))
        store.client.delete_object(Bucket=store.bucket, Key=keys.stitched_video("film"))
        rmtree(settings.home / "nearby")
        assert rendered(done("render", film, "--json")) == []
        assert content(store, keys.stitched_video("film")) == before


@pytest.mark.parametrize("command", ["submit", "render"])
def test_a_damaged_animatic_is_replaced_by_the_directory_s(
    film: Path, store: ObjectStore, command: str
):
    """Manifest and pictures are uploaded again though unchanged, and no clip is rendered."""
    before = state(store)
    for key in (keys.manifest("film"), keys.animatic_file("film", "two.png")):
        for damage in KINDS:
            damage(store, key)
            ended = done(command, film)
            assert state(store) == before
            assert store.damage(store.find(key)) == ""
            if command == "submit":
                assert "submitted" in ended.stdout
    assert "already there, unchanged" in done("submit", film).stdout
    assert rendered(done("render", film, "--json")) == []


def test_a_damaged_manifest_is_one_sentence_of_each_command(film: Path, store: ObjectStore):
    """The error says what to do; the film is not retired, and its clips stay."""
    key = keys.manifest(film.name)
    truncated(store, key)
    for command in ("status", "page"):
        said = sentence(command, "film")
        assert said.startswith(f"{store.uri(key)} is damaged: it has ")
        assert said.endswith("; submit the animatic again")
    assert f"film: kept, {store.uri(key)} is damaged: " in done("retire", "film").stdout
    done("submit", film)
    assert "3 chunks, 0 stale, 0 missing; film fresh" in done("status", "film").stdout


def test_a_clip_that_somebody_put_there_is_not_written_over(film: Path, store: ObjectStore):
    """A clip of the user's own stays, and the error says what to do."""
    graded = content(store, keys.stitched_video("film"))
    put(store, CLIP, graded, {})
    assert "was not written by chunk_assets" in sentence("render", film)
    assert content(store, CLIP) == graded
    assert rendered(done("render", film, "--chunks", "1", "--json"))[0] == 1


@pytest.mark.parametrize("key", [CLIP, FRAME, COMPOSITE])
def test_damage_that_no_header_tells_is_found_when_it_is_read(
    film: Path, store: ObjectStore, settings: Settings, key: str
):
    """It is printed, and the same command makes it again."""
    record = {name: text for name, text in store.find(key).record.items() if name != "etag"}
    put(store, key, bytes(store.find(key).size), record)
    others = [keys.stitched_video("film"), keys.chunk_video("film", 2)]
    if key == FRAME:
        others.append(keys.composite("film", 2))  # is made from it
    for other in others:
        store.client.delete_object(Bucket=store.bucket, Key=other)
    rmtree(settings.home / "nearby")
    ended = run("render", film, "--json")
    assert ended.code == 0, ended.stderr
    if key != COMPOSITE:  # nothing is made from that one
        assert "its content is not what was written" in ended.stderr
        assert store.damage(store.find(key)) == ""
    assert rendered(ended) == []  # every clip is there as a take
    assert probe(Path("film.mp4")).frames == 48
