"""The generator `replicate` with a fake server that bills: what is requested, paid and kept."""

import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.errors import (
    Declined,
    OverBudget,
    Rejected,
    SpecError,
    Stopped,
    TimedOut,
    Unavailable,
)
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import GenerationRequest, ignore_progress
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.stopping import StopSignal
from chunk_assets.media.frames import probe, read_frames
from chunk_assets_tests.fake_faults import (
    Answers,
    Fails,
    Lost,
    Redirects,
    Takes,
    TooMany,
    Truncated,
)
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import ReplicateStudio

pytestmark = pytest.mark.slow

CREATE = "POST /v1/predictions"


def test_a_clip_is_requested_once_and_accounted(studio: ReplicateStudio, fake: FakeReplicate):
    """The clip and the ledger have the cost and the prediction."""
    clip = studio.clip()
    [made] = fake.created
    assert probe(clip.path).frames == 81
    assert clip.details["prediction_id"] == made.id
    assert clip.cost_usd == clip.spent_usd
    assert clip.cost_usd > 0
    [attempt] = studio.attempts
    assert (attempt.status, attempt.prediction_id) == ("succeeded", made.id)
    assert attempt.cost_usd == clip.cost_usd
    assert attempt.output_sha256
    assert made.dropped == {}


def test_a_new_process_finds_the_paid_clip(studio: ReplicateStudio, fake: FakeReplicate):
    """A crash between the download and the upload costs nothing."""
    first = studio.clip()
    again = studio.clip()
    assert len(fake.created) == 1
    assert again.details["prediction_id"] == first.details["prediction_id"]
    assert again.spent_usd == first.spent_usd


def test_another_take_is_another_prediction_even_without_seeds(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """The take's seed distinguishes them, even if the model accepts no seed."""
    generator = studio.generator("kling-v2.5-turbo-pro")
    studio.clip(generator, seed=1)
    studio.clip(generator, seed=2)
    assert len(fake.created) == 2
    assert "seed" not in fake.created[0].input


@pytest.mark.parametrize("model", ["wan-2.2-i2v-fast", "kling-v2.5-turbo-pro"])
def test_a_lost_answer_is_found_in_the_list(
    studio: ReplicateStudio, fake: FakeReplicate, model: str
):
    """The prediction was created, and is not requested again."""
    fake.next(CREATE, Lost())
    studio.clip(studio.generator(model))
    assert len(fake.created) == 1
    assert any("whose answer was lost" in line for line in studio.log)


def test_a_lost_request_is_sent_again(studio: ReplicateStudio, fake: FakeReplicate):
    """If the list does not have it either, it was never created."""
    fake.next(CREATE, Lost(status=503), TooMany())
    fake.next("GET /v1/predictions", TooMany(), TooMany())
    clip = studio.clip()
    assert len(fake.created) == len(fake.succeeded()) == 1
    assert clip.cost_usd == clip.spent_usd


@pytest.mark.parametrize("by", ["otherhost:1:x", f"{socket.gethostname()}:4194304:x"])
def test_an_intent_without_an_id_is_searched_in_the_list(
    studio: ReplicateStudio, fake: FakeReplicate, by: str
):
    """The prediction of a process that died between the POST and its answer is used."""
    clip = studio.clip()
    [attempt] = studio.attempts
    nameless = {"status": "intended", "prediction_id": None, "asked_by": by, "cost_usd": 0}
    studio.leave(attempt.model_copy(update=nameless))
    again = studio.clip()
    assert again.details["prediction_id"] == clip.details["prediction_id"]
    assert again.spent_usd == clip.spent_usd
    assert len(fake.created) == 1


def test_a_transient_failure_is_requested_again_and_counted(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """Failed predictions that ran are billed, and count in the film's cost."""
    fake.next("prediction", Fails("CUDA out of memory"), Fails("Prediction interrupted", False))
    clip = studio.clip()
    assert len(fake.created) == 3
    assert [attempt.status for attempt in studio.attempts] == ["failed", "failed", "succeeded"]
    assert clip.spent_usd == pytest.approx(2 * clip.cost_usd)
    assert [bool(row.usd) for row in fake.bill] == [True, False, True]


def test_three_failures_are_the_limit(studio: ReplicateStudio, fake: FakeReplicate):
    """The number of paid attempts is limited."""
    fake.next("prediction", *[Fails("CUDA out of memory")] * 9)
    with pytest.raises(Unavailable, match=r"failed 3 times on chunk 3 of film 'film'"):
        studio.clip()
    assert len(fake.created) == 3


def test_moderation_is_final_and_the_fallback_takes_over(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """A declined request is not repeated; the fallback model gets it, if there is one."""
    flagged = Fails("The input was flagged as sensitive (E005)")
    fake.next("prediction", flagged)
    with pytest.raises(Declined, match="change the beat's prompt or picture"):
        studio.clip()
    assert len(fake.created) == 1
    fake.next("prediction", flagged)
    clip = studio.clip(studio.with_fallback(), seed=8)
    assert clip.details["replicate_model"] == "bytedance/seedance-1-pro-fast"
    assert len(fake.created) == 3


def test_an_input_error_is_final(studio: ReplicateStudio, fake: FakeReplicate):
    """The model's error is shown, and no second prediction is paid for."""
    fake.next("prediction", Fails("ValueError: image has 2 channels"))
    with pytest.raises(Rejected, match=r"failed on chunk 3 .* 2 channels.*not requested again"):
        studio.clip()
    assert len(fake.created) == 1


def test_stopping_cancels_the_prediction(studio: ReplicateStudio, fake: FakeReplicate):
    """A stopped run costs nothing more."""
    fake.next("prediction", Takes(queue=0, seconds=30))
    stop = StopSignal()

    def stop_once_running(_fraction: float) -> None:
        if fake.created[0].status == "processing":
            stop.set()

    with pytest.raises(Stopped):
        studio.generator().generate(studio.request(), studio.workdir, stop_once_running, stop)
    assert fake.created[0].status == "canceled"
    [attempt] = studio.attempts
    assert attempt.status == "canceled"
    assert attempt.cost_usd > 0  # it was running


def test_a_prediction_that_takes_too_long_is_cancelled(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """The wait has a timeout."""
    studio.policy = PredictionPolicy(
        max_seconds=0.5, first_poll_seconds=0.05, longest_poll_seconds=0.1
    )
    fake.next("prediction", Takes(queue=0, seconds=30))
    with pytest.raises(TimedOut, match="is cancelled"):
        studio.clip()
    assert fake.created[0].status == "canceled"


def test_a_deleted_output_is_paid_for_again_and_both_count(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """After an hour the output is gone, as the ledger records."""
    studio.clip()
    fake.output_seconds = 0.5
    time.sleep(0.6)
    clip = studio.clip()
    assert len(fake.created) == 2
    assert clip.spent_usd == pytest.approx(2 * clip.cost_usd)
    assert "its output is deleted" in (studio.attempts[0].error or "")


@pytest.mark.parametrize("silently", [True, False])
def test_a_truncated_download_is_fetched_again(
    studio: ReplicateStudio, fake: FakeReplicate, silently: bool
):
    """The clip is paid for; only its download is repeated."""
    fake.next("GET /delivery", Truncated(silently=silently))
    assert probe(studio.clip().path).frames == 81
    assert len(fake.created) == 1


def test_a_download_from_another_host_is_refused(studio: ReplicateStudio, fake: FakeReplicate):
    """A redirect to a host without TLS is not followed."""
    fake.next("GET /delivery", Redirects("http://example.com/clip.mp4"))
    with pytest.raises(Rejected):
        studio.clip()
    assert studio.attempts[0].status == "unfetched"


def test_the_limit_of_cost_holds_before_each_prediction(
    studio: ReplicateStudio, fake: FakeReplicate
):
    """Predictions in flight count, and none is requested beyond the limit."""
    price = studio.generator().price_usd(60, FrameRate(24), (128, 72))
    studio.max_cost_usd = 1.5 * price
    studio.clip(seed=1)
    with pytest.raises(OverBudget, match=r"film.s limit of \$0\.\d\d only"):
        studio.clip(seed=2)
    assert len(fake.created) == 1


def test_zeroscope_gets_a_clip_that_holds_the_composite(
    studio: ReplicateStudio, fake: FakeReplicate, still: Path
):
    """It gets an `init_video` of the requested length and size, and a version."""
    generator = studio.generator("anotherjesse/zeroscope-v2-xl:latest")
    request = GenerationRequest(
        video_id="film",
        chunk_num=0,
        prompt="a lamp at dawn",
        conditioning_image=still,
        num_frames=48,
        fps=FrameRate(24),
        size=(128, 72),
        seed=11,
    )
    generator.generate(request, studio.workdir, ignore_progress)
    [sent] = fake.received(CREATE)
    inputs = sent.body["input"]
    assert "image" not in inputs
    assert len(sent.body["version"]) == 64
    assert generator.model == f"anotherjesse/zeroscope-v2-xl:{sent.body['version']}"
    shape = {name: inputs[name] for name in ("num_frames", "fps", "seed", "prompt")}
    assert shape == {"num_frames": 48, "fps": 24, "seed": 11, "prompt": "a lamp at dawn"}
    held = fake.created[0].media
    path = studio.workdir / "init.mp4"
    path.write_bytes(held)
    info = probe(path)
    assert (info.frames, info.fps) == (48, 24)
    assert (info.width, info.height) == (inputs["width"], inputs["height"])
    wanted = np.asarray(Image.open(still).convert("RGB").resize((info.width, info.height)), float)
    error = np.mean([np.abs(frame - wanted).mean() for frame in read_frames(path)])
    assert error < 3


def test_a_missing_model_is_declined(studio: ReplicateStudio, fake: FakeReplicate):
    """The error precedes any upload or payment."""
    fake.models.pop("wavespeedai/wan-2.1-i2v-480p")
    with pytest.raises(Declined, match=r"wan-2\.1"):
        studio.clip(studio.generator("wan-2.1-i2v-480p"))
    assert fake.created == []


@pytest.mark.parametrize("fault", ["gone", "without a version", "refused", "failing"])
def test_if_zeroscope_cannot_be_had_two_models_that_can_are_named(
    studio: ReplicateStudio, fake: FakeReplicate, fault: str
):
    """Whether its page, its version or its predictions are gone; nothing is billed."""
    name = "anotherjesse/zeroscope-v2-xl"
    if fault == "gone":
        fake.models.pop(name)
    elif fault == "without a version":
        fake.without_version.add(name)
    elif fault == "refused":
        stale = {"title": "Invalid version or not permitted", "status": 422}
        stale["detail"] = "The specified version does not exist (or perhaps you don't have per…)"
        fake.next(CREATE, Answers(422, stale))
    else:
        fake.next("prediction", *[Fails("CUDA error", has_run=False)] * 3)
    with pytest.raises((Declined, Unavailable)) as error:
        studio.generator("zeroscope-v2-xl").generate(studio.request(num_frames=48), studio.workdir)
    assert str(error.value).endswith(
        "choose another model with --model, or in the manifest, such as seedance-1-pro-fast or "
        "seedance-1.5-pro"
    )
    assert error.value.data["model"] == "zeroscope-v2-xl"
    assert fake.billed_usd == 0
    for other in load_catalog()["zeroscope-v2-xl"].alternatives:
        fps = FrameRate(24)
        assert load_catalog()[other].slot_frames(fps, 12, 48) == 48
        assert load_catalog()[other].is_official


def test_a_clip_that_is_too_long_is_a_spec_error(studio: ReplicateStudio):
    """The error names the longest clip."""
    with pytest.raises(SpecError, match="is the longest it makes"):
        studio.generator("kling-v2.5-turbo-pro").generate(
            studio.request(num_frames=24 * 11), studio.workdir
        )


def test_simultaneous_processes_pay_once(studio: ReplicateStudio, fake: FakeReplicate):
    """A conditional write lets one of them request it; the others continue with its prediction."""
    fake.next("prediction", Takes(queue=0, seconds=1))
    generators = [studio.generator() for _ in range(3)]
    clips: list[str] = []

    def render(number: int) -> None:
        workdir = studio.workdir / str(number)
        workdir.mkdir()
        clip = generators[number].generate(studio.request(), workdir)
        clips.append(str(clip.details["prediction_id"]))

    threads = [threading.Thread(target=render, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clips == [fake.created[0].id] * 3
    assert len(fake.created) == 1
    assert [attempt.status for attempt in studio.attempts] == ["unfetched"]  # none is kept yet
