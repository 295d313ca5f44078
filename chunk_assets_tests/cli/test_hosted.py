"""`render` on a hosted model: prices before, limits during, refusals, and what is sent and kept."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.media.frames import probe, read_frames
from chunk_assets.media.images import open_picture
from chunk_assets.storage import keys
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, rendered, sentence
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.fake_faults import MODERATED, Answers, Fails, NoCredit
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.manifests import small_manifest
from chunk_assets_tests.media.media import mean_error, photo

pytestmark = pytest.mark.slow

CREATE, GET = "POST /v1/predictions", "GET /v1/predictions/{id}"
RENDER = ("render", "film", "--generator", "replicate")
PRICE = 0.10
"""USD, of the catalog's default model and of the fake's every model."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReplicate]:
    """An account at a Replicate whose predictions take no time."""
    with FakeReplicate() as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        yield fake


def stored(store: ObjectStore) -> dict[str, Any]:
    """Everything in the bucket."""
    return {key: store.head(key) for key in store.keys("")}


def picture_at(store: ObjectStore, key: str, path: Path) -> np.ndarray:
    """A picture on S3."""
    store.download(key, path)
    return np.asarray(open_picture(path))


def test_a_dry_run_says_what_each_chunk_would_cost_and_asks_and_writes_nothing(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate, monkeypatch: pytest.MonkeyPatch
):
    """It needs no token, and not one request reaches Replicate."""
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    animatic()
    ended = done(*RENDER, "--dry-run")
    lines = ended.stdout.splitlines()
    assert [line.split() for line in lines[:-1]] == [
        ["chunk", "beat", "film", "price"],
        ["00", "one", "0.0-2.0", "s", "rendered", "about", "$0.10"],
        ["01", "one", "2.0-4.0", "s", "rendered", "about", "$0.10"],
        ["02", "two", "4.0-6.0", "s", "rendered", "about", "$0.10"],
    ]
    assert lines[-1] == (
        "3 of 3 chunks would be rendered on zeroscope-v2-xl (anotherjesse/zeroscope-v2-xl): "
        "about $0.30; spent so far $0.00. Nothing was requested or written."
    )
    assert account.requests == []
    assert stored(store) == {}


def test_the_readmes_example_costs_a_dollar_thirteen(store: ObjectStore):
    """Seven clips of 81 frames, which are billed as 5.06 s at 16 fps, not eleven at 24."""
    example = Path(__file__).parents[2] / "examples" / "aurora"
    command = ["render", str(example), "--generator", "replicate", "--model", "wan-2.2-i2v-fast"]
    document = done(*command, "--dry-run", "--json").document
    prices = [chunk["price_usd"] for chunk in document["chunks"]]
    assert prices == pytest.approx([81 / 16 * 0.032] * 7)
    assert document["price_usd"] == pytest.approx(1.134)


def test_a_clip_shorter_than_its_slot_is_said_with_its_held_frames(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """By `render`, `status`, their JSON and the record beside the clip; others hold nothing."""
    model = account.models["anotherjesse/zeroscope-v2-xl"]
    account.models[model.name] = replace(model, clip={"frames": 36, "fps": 24})
    animatic()
    sentence_of = (
        "Chunk {:02d}: the clip is shorter than its slot; its last frame is held for {} frames."
    )
    ended = done(*RENDER)
    said = [sentence_of.format(0, 4), sentence_of.format(1, 8), sentence_of.format(2, 8)]
    assert [line for line in ended.stdout.splitlines() if "held" in line] == said
    assert [line for line in done("status", "film").stdout.splitlines() if "held" in line] == said
    chunks = done("status", "film", "--json").document["chunks"]
    assert [chunk["clip"]["held_frames"] for chunk in chunks] == [4, 8, 8]
    stored_clip = store.head(keys.chunk_video("film", 1))
    assert stored_clip is not None
    assert ClipRecord.of(stored_clip).held_frames == 8


def test_a_dry_run_after_a_render_prices_what_has_changed(
    animatic: Animatics, store: ObjectStore, desk: Path, account: FakeReplicate
):
    """What is kept costs nothing more, and what was spent is said; still nothing is asked."""
    animatic()
    done(*RENDER)
    before, asked = stored(store), len(account.requests)
    document = done(*RENDER, "--dry-run", "--json").document
    kept = {"what": "kept", "take": 1, "is_rendered": False, "price_usd": 0.0}
    chunks = [{"chunk_num": number, **kept} for number in range(3)]
    assert document == {
        "video_id": "film",
        "generator": "replicate",
        "model": "zeroscope-v2-xl",
        "chunks": chunks,
        "price_usd": 0.0,
        "is_estimate": True,
        "spent_usd": pytest.approx(3 * PRICE),
    }
    changed = small_manifest()
    changed["beats"][1]["prompt_template"] = "{product_name} leaps"
    (desk / "film" / "animatic.json").write_text(json.dumps(changed))
    lines = done(*RENDER, "--dry-run").stdout.splitlines()
    assert [line.split()[4] for line in lines[1:4]] == ["kept", "kept", "rendered"]
    assert "1 of 3 chunks would be rendered" in lines[-1]
    assert "about $0.10; spent so far $0.30." in lines[-1]
    again = done(*RENDER, "--dry-run", "--json", "--chunks", "1").document
    assert [chunk["is_rendered"] for chunk in again["chunks"]] == [False, True, True]
    assert again["price_usd"] == pytest.approx(2 * PRICE)
    assert len(account.requests) == asked
    assert stored(store) == before


def test_without_a_token_nothing_is_submitted(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate, monkeypatch: pytest.MonkeyPatch
):
    """The sentence says which variable to set."""
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    animatic()
    assert "needs an API token: set REPLICATE_API_TOKEN" in sentence(*RENDER)
    assert stored(store) == {}
    assert account.requests == []


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("sora", "there is no model 'sora': choose one of zeroscope-v2-xl, "),
        ("ltx-video:v2", "has the version 'v2': expected 'latest' or a version's id"),
    ],
)
def test_a_model_that_is_not_known_is_refused_before_anything(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate, model: str, says: str
):
    """On the command line, in a dry run and in the manifest alike."""
    animatic()
    assert says in sentence(*RENDER, "--model", model)
    assert says in sentence(*RENDER, "--model", model, "--dry-run")
    animatic(model=model)
    assert says in sentence(*RENDER)
    assert stored(store) == {}
    assert account.requests == []


def test_a_limit_of_cost_stops_the_film_and_a_higher_one_goes_on(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """It says what is spent and what remains; the command line's goes before the manifest's."""
    animatic(max_cost_usd=0.05)
    assert "of the film's limit of $0.05 only $0.05 remains, with $0.00 spent" in sentence(*RENDER)
    assert account.created == []
    said = sentence(*RENDER, "--max-cost", 0.25)
    assert said == (
        "chunk 2 of film 'film' would cost about $0.10 on zeroscope-v2-xl, and of the film's limit "
        "of $0.25 only $0.05 remains, with $0.20 spent or in flight: raise "
        "max_cost_usd to continue; "
        "rendered chunks are kept"
    )
    assert len(account.created) == 2
    ended = done(*RENDER, "--max-cost", 0.3, "--json")
    assert rendered(ended) == [2]
    assert len(account.created) == 3
    assert ended.document["total_cost"] == account.billed_usd == pytest.approx(0.3)


def test_the_chosen_model_is_written_into_the_stored_manifest(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """Later renders, from Dagit too, use that model; the file in the directory stays.

    The inputs are that model's own, and of those none that it would drop.
    """
    directory = animatic()
    written = (directory / "animatic.json").read_text()
    done(*RENDER, "--model", "bytedance/seedance-1-pro-fast")
    content, _ = store.get_bytes(keys.manifest("film"))
    assert json.loads(content) == {
        **json.loads(written),
        "model": "bytedance/seedance-1-pro-fast",
    }
    assert (directory / "animatic.json").read_text() == written
    assert {made.model.name for made in account.created} == {"bytedance/seedance-1-pro-fast"}
    assert [made.dropped for made in account.created] == [{}] * 3


REFUSED = Answers(
    422,
    {
        "title": "Input validation failed",
        "detail": "- input.fps: too slow",
        "invalid_fields": [{"type": "x", "field": "input.fps", "description": "too slow"}],
        "status": 422,
    },
)


@pytest.mark.parametrize(
    ("route", "fault", "says"),
    [
        (CREATE, Answers(401, {"detail": "Unauthenticated"}), "check REPLICATE_API_TOKEN"),
        (CREATE, NoCredit(), "for lack of credit: add some at https://replicate.com/account"),
        (CREATE, REFUSED, "as invalid: fps: too slow"),
        ("prediction", Fails(MODERATED[0]), "change the beat's prompt or picture, or name a fall"),
        ("prediction", Fails("ValueError: 2 channels"), "failed on chunk 1 of film 'film': Value"),
        ("POST /v1/files", NoCredit(), "for lack of credit: add some at"),
    ],
    ids=["401", "402", "422", "moderated", "input error", "402 at the upload"],
)
def test_a_refusal_in_the_middle_of_a_film_is_one_sentence(
    animatic: Animatics,
    store: ObjectStore,
    account: FakeReplicate,
    route: str,
    fault: Any,
    says: str,
):
    """With the model, the chunk and what to do; it is not repeated, and the chunk before stays."""
    animatic()
    account.next(route, None, fault)
    said = sentence(*RENDER)
    assert says in said
    assert "chunk 1 of film 'film'" in said
    assert "zeroscope-v2-xl" in said
    assert "the chunks before it are kept" in said
    assert len(account.created) == (2 if route == "prediction" else 1)
    assert store.head(keys.chunk_video("film", 0)) is not None


def test_a_token_that_is_wrong_from_the_start_is_a_sentence(
    animatic: Animatics, account: FakeReplicate, monkeypatch: pytest.MonkeyPatch
):
    """The token itself is not in it."""
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_somebody_elses")
    animatic()
    said = sentence(*RENDER)
    assert "Replicate refused the API token: check REPLICATE_API_TOKEN" in said
    assert "r8_" not in said


def test_the_manifests_fallback_takes_what_its_model_declines(
    animatic: Animatics, store: ObjectStore, account: FakeReplicate
):
    """Only that chunk; the declined prediction, which was billed, is in the film's cost."""
    account.prices["bytedance/seedance-1-pro-fast"] = 0.045  # three seconds in 480p
    animatic(fallback_model="seedance-1-pro-fast")
    account.next("prediction", None, Fails(MODERATED[1]))
    ended = done(*RENDER, "--json")
    models = ["zeroscope-v2-xl", "zeroscope-v2-xl", "seedance-1-pro-fast", "zeroscope-v2-xl"]
    assert [made.model.name.rpartition("/")[2] for made in account.created] == models
    assert account.billed_usd == pytest.approx(3 * PRICE + 0.045)
    assert ended.document["total_cost"] == pytest.approx(account.billed_usd)
    assert [one.status for one in FilmObjects(store, "film").ledger().chunk(1).attempts] == [
        "failed",
        "succeeded",
    ]


def test_an_orphaned_prediction_is_counted(
    animatic: Animatics, store: ObjectStore, desk: Path, account: FakeReplicate
):
    """A run loses it, then the prompt changes; it ran, and the film's cost includes it."""
    animatic()
    account.next(GET, Answers(401, {"detail": "Unauthenticated"}))
    assert "may still run; rendering again fetches its clip" in sentence(*RENDER)
    ledger = FilmObjects(store, "film").ledger().chunk(0)
    [lost] = ledger.attempts
    dead = lost.model_copy(update={"asked_by": f"{socket.gethostname()}:4194304:x"})
    key = f"{keys.ledgers('film')}chunk_00.json"
    store.put_bytes(key, json_bytes(ledger.with_attempt(dead)), JSON)
    changed = small_manifest()
    changed["beats"][0]["prompt_template"] = "{product_name} leaps"
    (desk / "film" / "animatic.json").write_text(json.dumps(changed))
    ended = done(*RENDER, "--json")
    assert len(account.created) == 4
    statuses = [one.status for one in FilmObjects(store, "film").ledger().chunk(0).attempts]
    assert statuses == ["succeeded", "succeeded"]
    assert ended.document["total_cost"] == pytest.approx(account.billed_usd)


def test_a_model_of_fixed_lengths_sets_the_slot_and_its_clips_are_trimmed(
    animatic: Animatics, store: ObjectStore, desk: Path, account: FakeReplicate
):
    """Kling makes 5 s: slots of 4.5 s, and the next chunk begins with the stored clip's last frame.

    Of 24 frames a second, it is the one shown halfway through the last of 36 frames at 8 fps, or of
    40 where there is a lead-in of 0.5 s; at this width, the frame after each is another picture.
    """
    name = "kwaivgi/kling-v2.5-turbo-pro"
    account.width, account.prices[name] = 640, 0.35
    beats = [{"name": "all", "prompt_template": "x", "duration": 9}]
    directory = animatic(
        **{"model": "kling-v2.5-turbo-pro", "duration": 9, "beats": beats},
        **{"transitions": [], "frames": ["one.png"]},
    )
    Image.fromarray(photo("coffee", (640, 360))).save(directory / "one.png")
    ended = done(*RENDER, "--json")
    assert ended.document["total_cost"] == account.billed_usd == pytest.approx(0.70)
    assert probe(desk / "film.mp4").frames == 72
    assert [made.input["duration"] for made in account.created] == [5, 5]
    path = desk / "clip.mp4"
    for number, (frames, last) in enumerate([(36, 106), (40, 118)]):
        store.download(keys.chunk_video("film", number), path)
        assert probe(path).frames == frames
        *_, ending = read_frames(path)
        path.write_bytes(account.clip(account.created[number]))
        made = list(read_frames(path))
        kept = picture_at(store, keys.last_frame("film", number), desk / "last.png")
        assert len(made) == 121
        assert np.array_equal(kept, made[last])
        assert not np.array_equal(kept, made[last + 1])
        small = Image.fromarray(kept).resize((ending.shape[1], ending.shape[0]))
        assert mean_error(ending, np.asarray(small)) < 3


def test_zeroscope_is_sent_a_clip_of_the_composite(
    animatic: Animatics, store: ObjectStore, desk: Path, account: FakeReplicate
):
    """As the task list has it: 48 and 60 frames of 1024×576 at 24 fps, conditioned by `init_video`.

    An accurate decoder sees the composite in every frame with a mean error of at most 1.2 of 255.
    """
    size = (1024, 576)
    beats = [{"name": name, "prompt_template": f"the {name}", "duration": 2} for name in "ab"]
    directory = animatic(
        **{"duration": 4, "fps": 24, "resolution": "1024x576", "beats": beats},
        negative_prompt="text",
    )
    for file, name in (("one.png", "coffee"), ("two.png", "chelsea"), ("style.png", "rocket")):
        Image.fromarray(photo(name, size)).save(directory / file)
    done(*RENDER)
    model = account.models["anotherjesse/zeroscope-v2-xl"]
    path = desk / "init.mp4"
    sent = account.received(CREATE)
    assert len(sent) == 2
    for number, (request, frames) in enumerate(zip(sent, (48, 60), strict=True)):
        assert request.body["version"] == model.version
        inputs = request.body["input"]
        clip = store.head(keys.chunk_video("film", number))
        assert clip is not None
        assert inputs.pop("init_video").startswith(f"{account.base_url}/v1/files/")
        assert inputs.pop("prompt").startswith(f"the {'ab'[number]}")
        assert inputs == {
            **{"num_frames": frames, "fps": 24, "width": 1024, "height": 576},
            **{"seed": ClipRecord.of(clip).seed, "negative_prompt": "text"},
            **{"init_weight": 0.5, "model": "xl"},
        }
        assert ClipRecord.of(clip).model == f"anotherjesse/zeroscope-v2-xl:{model.version}"
        path.write_bytes(account.created[number].media)
        info = probe(path)
        assert (info.frames, info.fps, (info.width, info.height)) == (frames, 24, size)
        composite = picture_at(store, keys.composite("film", number), desk / "composite.png")
        assert max(mean_error(frame, composite) for frame in read_frames(path)) < 1.2
