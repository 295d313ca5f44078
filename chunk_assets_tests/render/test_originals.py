"""What a hosted model delivered is kept as it was delivered, and never paid for again."""

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from chunk_assets.errors import MediaError, StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import generation_context, plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.take_records import CLIP, TAKE, TakeRecord
from chunk_assets.film.takes import Takes
from chunk_assets.generation.base import Generator
from chunk_assets.generation.fallback import WithFallback
from chunk_assets.generation.preview import PreviewGenerator
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.generator import build_replicate_generator
from chunk_assets.render.context import RenderContext
from chunk_assets.render.hooks import Listener
from chunk_assets.render.request import RenderRequest
from chunk_assets.render.walk import walk
from chunk_assets.settings import load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.delivered_clips import DELIVERED
from chunk_assets_tests.fake_faults import Answers
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.generation.replicate.studio import FAST
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.killed_writes import Killed, killed_after
from chunk_assets_tests.manifests import manifest

pytestmark = pytest.mark.slow

POLICY = PredictionPolicy(
    first_poll_seconds=0.02, longest_poll_seconds=0.1, settle_seconds=0.4, fetch_seconds=0.2
)
DOCUMENT = manifest(
    duration=2,
    fps=8,
    resolution="128x72",
    beats=[{"name": "b", "duration": 2, "prompt_template": "x"}],
    transitions=[],
    frames=["one.png"],
    model="zeroscope-v2-xl",
)
NEW = RenderRequest(reuse="this_run", root_run="a run")


class Notes(Listener):
    """Keeps what the walk noticed."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def noticed(self, sentence: str) -> None:
        self.said.append(sentence)


class Account:
    """Films of one chunk, rendered on a fake Replicate by processes that come and go."""

    def __init__(self, fake: FakeReplicate, store: ObjectStore, workdir: Path):
        self.fake, self.store, self._workdir = fake, store, workdir
        self._runs = 0
        self.is_fallback = False

    def submit(self, video_id: str = "film") -> FilmObjects:
        put_animatic(self.store, video_id, DOCUMENT)
        return FilmObjects(self.store, video_id)

    def render(self, video_id: str = "film", request: RenderRequest | None = None) -> list[str]:
        """Render the film in a new process; return what it noticed."""
        self._runs += 1
        directory, notes = self._workdir / f"run-{self._runs}", Notes()
        directory.mkdir()
        plan = plan_film(self.store, video_id)
        asked = generation_context(video_id, plan.animatic, self.store, load_settings())
        generator: Generator = build_replicate_generator(asked, policy=POLICY, retries=FAST)
        if self.is_fallback:
            away = HoldingGenerator()
            away.fails_at = {0: BUSY}
            generator = WithFallback(away, generator, asked.ledger)
        context = RenderContext(
            plan=plan,
            store=self.store,
            generator=generator,
            workdir=directory,
            request=request or RenderRequest(),
            listener=notes,
        )
        try:
            list(walk(context, [0]))
        finally:
            generator.close()
        return notes.said

    @property
    def asked(self) -> tuple[int, int]:
        """How many predictions were created, and how many files fetched."""
        return len(self.fake.created), len(self.fake.received("GET /delivery"))


@pytest.fixture
def account(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Account]:
    """An account without films."""
    with FakeReplicate() as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield Account(fake, store, tmp_path)


def record_of(objects: FilmObjects, take: int = 1) -> TakeRecord:
    return objects.take(0, take, TAKE).read_json(TakeRecord)[0]


def damage(objects: FilmObjects, take: int, name: str) -> None:
    """Replace an object's content behind its record's back."""
    ref = objects.take(0, take, name)
    record = dict(ref.find().record)
    client, bucket = objects.store.client, objects.store.bucket
    client.put_object(Bucket=bucket, Key=ref.key, Body=bytes(100), Metadata=record)


def status(objects: FilmObjects) -> list[str]:
    return [attempt.status for attempt in objects.ledger().chunk(0).attempts]


@pytest.mark.parametrize("kind", DELIVERED)
def test_the_original_is_the_delivered_file(account: Account, kind: str):
    """Its bytes and its digest are those that Replicate sent, and its record says what it is."""
    delivered, objects = DELIVERED[kind], account.submit()
    content = delivered.content()
    account.fake.next("GET /delivery", Answers(200, content))
    account.render()
    record = record_of(objects)
    original = record.original
    assert original is not None
    assert original.name == f"original{delivered.suffix}"
    kept, stored = objects.store.get_bytes(objects.take(0, 1, original.name).key)
    assert kept == content
    assert hashlib.sha256(content).hexdigest() == original.sha256 == stored.sha256
    head = objects.store.client.head_object(Bucket=objects.store.bucket, Key=stored.key)
    assert head["ContentType"] == delivered.media_type
    measured = original.measured
    assert measured is not None
    assert original.size == len(content)
    assert (measured.width, measured.height) == delivered.size
    assert (measured.fps, measured.frames) == (delivered.fps, delivered.frames)
    assert measured.has_sound == delivered.has_sound
    assert measured.has_content_credentials == delivered.has_content_credentials
    (attempt,) = objects.ledger().chunk(0).attempts
    assert (attempt.status, attempt.output_sha256) == ("succeeded", original.sha256)
    assert (record.prediction_id, record.request) == (attempt.prediction_id, attempt.request)
    assert (record.seed, record.cost_usd) == (attempt.seed, attempt.cost_usd)
    assert TakeRecord.of_original(stored).model_dump(exclude={"prompt", "original"}) == (
        record.model_dump(exclude={"prompt", "original"})
    )


def test_a_file_that_cannot_be_decoded_is_kept(account: Account):
    """It is fetched once and paid for once; only a new take is another prediction."""
    objects, content = account.submit(), "RIFF\x10\x00\x00\x00AVI LIST"
    account.fake.next("GET /delivery", Answers(200, content))
    for _ in range(2):
        with pytest.raises(MediaError, match="take 1 of chunk 0 of film 'film' cannot be used: it"):
            account.render()
    original = record_of(objects).original
    assert original is not None
    assert original.measured is None
    kept, _ = objects.store.get_bytes(objects.take(0, 1, original.name).key)
    assert kept == content.encode()
    assert status(objects) == ["succeeded"]
    assert account.asked == (1, 1)

    said = account.render(request=NEW)
    assert sum("render that chunk by its number for another take" in line for line in said) == 1
    assert account.asked == (2, 2)
    assert ClipRecord.of(objects.clip(0).find()).take == 2
    account.render()
    assert account.asked == (2, 2)


def test_a_full_s3_leaves_the_prediction_unfetched(account: Account):
    """The next run fetches it, and pays nothing."""
    objects = account.submit()

    def full(params: dict[str, object], **_: object) -> None:
        if "/original" in str(params["url_path"]):
            error = {"Code": "XMinioStorageFull", "Message": "Storage backend is full"}
            raise ClientError({"Error": error}, "PutObject")  # type: ignore[arg-type]  # partial

    events = objects.store.client.meta.events
    events.register("before-call.s3.PutObject", full)
    try:
        with pytest.raises(StorageError, match="it has no space left") as caught:
            account.render()
    finally:
        events.unregister("before-call.s3.PutObject", full)
    assert "\n" not in str(caught.value)
    assert status(objects) == ["unfetched"]
    assert objects.list_takes(0) == {}
    account.render()
    assert status(objects) == ["succeeded"]
    assert account.asked == (1, 2)
    assert objects.clip(0).head() is not None


def test_a_kill_at_any_write_costs_nothing(account: Account):
    """After a death at each write the next run finishes the film with the prediction there is.

    Once the original is stored, Replicate may have deleted its own.
    """
    account.submit("whole")  # which also tests once whether S3 keeps conditions
    account.render("whole")
    kept = []
    for allowed in itertools.count():
        film = f"film-{allowed}"
        objects = account.submit(film)
        with killed_after(account.store, allowed) as writes, suppress(Killed):
            account.render(film)
        if not writes.is_dead:
            break
        is_kept = 1 in (listed := Takes(objects, 0).listed) and listed[1].has_original
        kept.append(is_kept)
        account.fake.output_seconds = 0.0 if is_kept else 3600.0
        account.render(film)
        account.fake.output_seconds = 3600.0
        ledger = objects.ledger().chunk(0)
        assert [one.status for one in ledger.attempts if one.status != "void"] == ["succeeded"]
        take = Takes(objects, 0).stored(1)
        assert take is not None
        assert take.clip.sha256 == objects.clip(0).find().sha256
        assert objects.last_frame(0).find().record["clip"] == take.clip.sha256
        record = record_of(objects)
        assert record.original is not None
        assert record.original.measured is not None
        assert record.prompt == plan_film(account.store, film).specs[0].prompt
    assert kept == sorted(kept)
    assert kept.count(True) > 4  # its record, the ledger, the clip and the frame, twice
    assert len(account.fake.created) == len(kept) + 2


def test_a_fallback_is_named_after_a_kill_too(account: Account):
    """The next run makes the clip from the stored original, whose record says who made it."""
    account.is_fallback = True
    account.submit("whole")
    account.render("whole")
    for allowed in itertools.count():
        film = f"film-{allowed}"
        objects = account.submit(film)
        with killed_after(account.store, allowed) as writes, suppress(Killed):
            account.render(film)
        account.render(film)
        assert ClipRecord.of(objects.clip(0).find()).made_by == "replicate zeroscope-v2-xl"
        assert record_of(objects).made_by == "replicate zeroscope-v2-xl"
        if not writes.is_dead:
            assert len(account.fake.created) == allowed + 2
            break


def test_a_damaged_original_leaves_the_other_takes(account: Account):
    """One sentence names it; what Replicate still has is fetched again, for the same take."""
    objects = account.submit()
    account.render()
    with killed_after(account.store, None) as writes:
        account.render(request=NEW)
    allowed = next(n for n, key in enumerate(writes.keys) if key.endswith("/take_02/clip.mp4"))
    third = RenderRequest(reuse="this_run", root_run="another run")
    with killed_after(account.store, allowed), pytest.raises(Killed):
        account.render(request=third)
    assert account.asked == (3, 3)
    damage(objects, 3, "original.mp4")
    account.render(request=RenderRequest(take=1, by="a test"))
    assert ClipRecord.of(objects.clip(0).find()).take == 1
    said = [line for line in account.render(request=third) if "damaged" in line]
    assert len(said) == 1
    assert "original.mp4 is damaged" in said[0]
    assert said[0].endswith("take 3 is left out")
    assert account.asked == (3, 4)
    assert ClipRecord.of(objects.clip(0).find()).take == 3


def test_a_clip_in_the_films_format_is_its_own_original(store: ObjectStore, tmp_path: Path):
    """The preview's clip is stored once in its take."""
    put_animatic(store, "film", DOCUMENT)
    objects = FilmObjects(store, "film")
    generator = PreviewGenerator()
    context = RenderContext(
        plan=plan_film(store, "film"), store=store, generator=generator, workdir=tmp_path
    )
    list(walk(context, [0]))
    names = {"clip.mp4", "last_frame.png", "moving.webp", "take.json"}
    assert set(objects.list_takes(0)[1]) == names
    original = record_of(objects).original
    assert original is not None
    assert original.name == CLIP
    stored = objects.take(0, 1, CLIP).find()
    assert (original.sha256, original.size) == (stored.sha256, stored.size)
