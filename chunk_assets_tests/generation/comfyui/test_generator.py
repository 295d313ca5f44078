"""The generator `comfyui` with a fake server: what is rendered, found again and cancelled."""

import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import av
import pytest

from chunk_assets.errors import HandedOff, Rejected, SpecError, Stopped, TimedOut, Unavailable
from chunk_assets.generation.base import ignore_progress
from chunk_assets.generation.comfyui.connection import NotComfyUI
from chunk_assets.generation.stopping import StopSignal
from chunk_assets.media.frames import probe
from chunk_assets_tests.fake_comfyui import OOM, FakeComfyUI
from chunk_assets_tests.fake_faults import (
    Answers,
    Fails,
    Lost,
    Reset,
    ServerError,
    Takes,
    Truncated,
    WebPage,
)
from chunk_assets_tests.generation.comfyui.studio import DEAD, ComfyStudio
from chunk_assets_tests.generation.comfyui.workflows import node, still, with_end

pytestmark = pytest.mark.slow

POST = "POST /prompt"
OTHER_MODEL = node("UNETLoader", unet_name="other.safetensors")


def test_a_clip_is_rendered_once_and_recorded(studio: ComfyStudio, fake: FakeComfyUI):
    """The ledger has our id before the server has it; the clip covers the request."""
    clip = studio.clip()
    [prompt] = fake.prompts
    info = probe(clip.path)
    assert (info.frames, info.fps, info.width, info.height) == (20, 24, 128, 72)
    assert clip.details["prompt_id"] == prompt.id
    assert (clip.cost_usd, clip.spent_usd) == (0.0, 0.0)
    [attempt] = studio.attempts
    assert (attempt.status, attempt.prediction_id) == ("succeeded", prompt.id)
    assert attempt.server == fake.url.removeprefix("http://")
    assert attempt.output_sha256


def test_all_values_reach_their_nodes(studio: ComfyStudio, fake: FakeComfyUI):
    """The picture is uploaded under its sha256; titles are not sent."""
    studio.nodes = with_end()
    studio.clip(end_image=studio.end, negative_prompt="hands")
    graph = fake.prompts[0].graph
    assert all("_meta" not in one for one in graph.values())
    assert graph["8"]["inputs"]["value"] == "a lamp at dawn"
    assert graph["7"]["inputs"]["seed"] == 7
    assert (graph["2"]["inputs"]["value"], graph["3"]["inputs"]["value"]) == (128, 72)
    assert graph["4"]["inputs"]["value"] == 21  # 20 frames at 24 fps, in steps of 4 from 1
    assert graph["11"]["inputs"]["filename_prefix"] == f"chunk_assets/{fake.prompts[0].id}"
    names = [graph[name]["inputs"]["image"] for name in ("1", "12")]
    assert sorted(names) == sorted(fake.inputs)
    assert all(name.startswith("chunk_assets/") and len(name) == 81 for name in names)


def test_without_an_end_picture_its_nodes_are_left_out(studio: ComfyStudio, fake: FakeComfyUI):
    """The input is optional, so the same workflow serves both kinds of chunks."""
    studio.nodes = with_end()
    assert probe(studio.clip().path).frames == 21
    graph = fake.prompts[0].graph
    assert not {"12", "13"} & set(graph)
    assert "end_image" not in graph["7"]["inputs"]


def test_a_workflow_that_needs_an_end_picture_says_so(studio: ComfyStudio, fake: FakeComfyUI):
    """Nothing is queued."""
    studio.nodes = still(
        **{
            "12": node("LoadImage", "end image", image="end.png"),
            "13": node("ImageBatch", image1=["7", 0], image2=["12", 0]),
            "10": node("CreateVideo", images=["13", 0], fps=["5", 0]),
        }
    )
    with pytest.raises(SpecError, match=r"has no picture to end on, and the workflow .* needs one"):
        studio.clip()
    studio.nodes = still()
    with pytest.raises(SpecError, match="has no node with the title 'end image'"):
        studio.clip(end_image=studio.end)
    assert fake.prompts == []


def test_the_queue_s_limit_holds_over_several_processes(studio: ComfyStudio, fake: FakeComfyUI):
    """A prompt that waits is handed off again and again, and cancelled when its time is over."""
    fake.next("prediction", Takes(seconds=60))
    ended, before = StopSignal(), studio.generator()
    (studio.directory / "other").mkdir()

    def render_before() -> None:
        with suppress(Stopped):
            before.generate(studio.request(chunk_num=4), studio.directory / "other", stop=ended)

    other = threading.Thread(target=render_before)
    other.start()
    while not fake.prompts:
        time.sleep(0.02)
    studio.policy = replace(studio.policy, queue_seconds=3.0)
    said = []
    while not said or said[-1] is HandedOff:
        stop = StopSignal()
        threading.Timer(0.7, stop.set, [HandedOff("it has only waited")]).start()
        with pytest.raises((HandedOff, TimedOut)) as raised:
            studio.generator().generate(studio.request(), studio.workdir, stop=stop)
        said.append(raised.type)
        assert len(said) < 12
    ended.set()
    other.join()
    assert said[0] is HandedOff
    assert [one.status for one in studio.attempts] == ["canceled"]
    assert len(fake.prompts) == 2


def test_a_new_process_finds_the_clip(studio: ComfyStudio, fake: FakeComfyUI):
    """A crash between the download and the upload renders nothing again."""
    first = studio.clip()
    assert studio.clip().details["prompt_id"] == first.details["prompt_id"]
    assert len(fake.prompts) == 1


@pytest.mark.parametrize("by", [DEAD, "otherhost:1:x"])
@pytest.mark.parametrize("status", ["intended", "asked"])
def test_an_open_attempt_is_found_by_our_id(
    studio: ComfyStudio, fake: FakeComfyUI, status: str, by: str
):
    """The prompt of a process that died before or after the answer is used."""
    clip = studio.clip()
    [attempt] = studio.attempts
    studio.leave(attempt.model_copy(update={"status": status, "asked_by": by, "ended_at": None}))
    assert studio.clip().details["prompt_id"] == clip.details["prompt_id"]
    assert len(fake.prompts) == 1
    assert [one.status for one in studio.attempts] == ["succeeded"]


def test_an_intent_that_was_never_sent_is_replaced(studio: ComfyStudio, fake: FakeComfyUI):
    """The server knows neither the prompt nor its file."""
    studio.clip()
    [attempt] = studio.attempts
    other = "11111111-2222-4333-8444-555555555555"
    unsent = {"status": "intended", "asked_by": DEAD, "key": other, "prediction_id": other}
    studio.leave(attempt.model_copy(update=unsent))
    studio.clip()
    assert len(fake.prompts) == 2
    assert [one.status for one in studio.attempts] == ["aborted", "succeeded"]


def test_a_clip_outlives_its_server(studio: ComfyStudio, fake: FakeComfyUI):
    """After a restart without queue and history, its unique name is enough."""
    clip = studio.clip()
    fake.restart()
    assert studio.clip().details["prompt_id"] == clip.details["prompt_id"]
    assert len(fake.prompts) == 1


def test_a_server_killed_while_it_renders_is_asked_again(studio: ComfyStudio, fake: FakeComfyUI):
    """The beginning of a file under the clip's name is not taken for the clip."""
    fake.next("prediction", Takes(seconds=30))
    restarter = threading.Timer(0.4, fake.restart)
    restarter.start()
    clip = studio.clip()
    restarter.join()
    assert probe(clip.path).frames == 20
    assert [one.status for one in fake.prompts] == ["killed", "success"]
    assert [one.status for one in studio.attempts] == ["aborted", "succeeded"]


def test_a_deleted_output_is_rendered_again(studio: ComfyStudio, fake: FakeComfyUI):
    """The new prompt has another file name, so that the server's cache cannot answer it."""
    studio.clip()
    fake.files.clear()
    assert probe(studio.clip().path).frames == 20
    assert [prompt.ran for prompt in fake.prompts] == [True, True]
    assert "its output is gone" in (studio.attempts[0].error or "")


@pytest.mark.parametrize("fault", [Lost(), Lost(503), WebPage()])
def test_a_lost_answer_is_looked_for(studio: ComfyStudio, fake: FakeComfyUI, fault: Any):
    """If the server has the prompt it is used; otherwise it is queued again."""
    fake.next(POST, fault)
    studio.clip()
    assert len(fake.prompts) == 1
    assert studio.attempts[-1].status == "succeeded"


def test_a_new_server_wants_ids_of_its_form(studio: ComfyStudio, fake: FakeComfyUI):
    """Ours are lower-case UUIDs, and one request cancels."""
    fake.is_new = True
    assert studio.clip()
    stop = StopSignal()
    fake.next("prediction", Takes(seconds=30))
    with pytest.raises(Stopped):
        _stopped_while_running(studio, fake, stop, seed=8)
    assert fake.received("POST /interrupt") == []
    assert studio.attempts[-1].status == "canceled"


def _stopped_while_running(
    studio: ComfyStudio,
    fake: FakeComfyUI,
    stop: StopSignal,
    reason: BaseException | None = None,
    **changes: Any,
) -> None:
    def stop_once_running() -> None:
        while not any(one.status == "running" for one in fake.prompts):
            time.sleep(0.01)
        stop.set(reason)

    stopper = threading.Thread(target=stop_once_running)
    stopper.start()
    try:
        studio.generator().generate(
            studio.request(**changes), studio.workdir, ignore_progress, stop
        )
    finally:
        stopper.join()


def test_stopping_interrupts_the_prompt_that_runs(studio: ComfyStudio, fake: FakeComfyUI):
    """By its id: nothing else is interrupted."""
    fake.next("prediction", Takes(seconds=30))
    with pytest.raises(Stopped):
        _stopped_while_running(studio, fake, StopSignal())
    [request] = fake.received("POST /interrupt")
    assert request.body == {"prompt_id": fake.prompts[0].id}
    assert studio.attempts[0].status == "canceled"


def test_stopping_removes_a_prompt_that_waits(studio: ComfyStudio, fake: FakeComfyUI):
    """Whatever else runs goes on."""
    fake.next("prediction", Takes(seconds=30))
    other, stop = studio.generator(), StopSignal()

    def render() -> None:
        with suppress(Stopped):
            other.generate(studio.request(seed=1), studio.workdir, ignore_progress, stop)

    rendering = threading.Thread(target=render)
    rendering.start()
    while not fake.prompts or fake.prompts[0].status != "running":
        time.sleep(0.01)
    mine = StopSignal()
    threading.Timer(0.3, mine.set).start()
    with pytest.raises(Stopped):
        studio.generator().generate(
            studio.request(seed=2, chunk_num=4), studio.workdir, ignore_progress, mine
        )
    assert [one.status for one in fake.prompts] == ["running", "deleted"]
    assert fake.received("POST /interrupt") == []
    stop.set()
    rendering.join()


def test_a_film_that_is_handed_off_leaves_its_prompt(studio: ComfyStudio, fake: FakeComfyUI):
    """The next worker continues with it."""
    fake.next("prediction", Takes(seconds=2))
    with pytest.raises(HandedOff):
        _stopped_while_running(studio, fake, StopSignal(), HandedOff("bye"))
    assert studio.attempts[0].is_open
    assert studio.clip().details["prompt_id"] == fake.prompts[0].id
    assert len(fake.prompts) == 1


def test_out_of_memory_is_tried_again_and_three_failures_are_the_limit(
    studio: ComfyStudio, fake: FakeComfyUI
):
    """Other programs may use the memory for a while."""
    fake.next("prediction", Fails(OOM))
    studio.clip()
    assert [one.status for one in studio.attempts] == ["failed", "succeeded"]
    fake.next("prediction", *[Fails(OOM)] * 9)
    with pytest.raises(Unavailable, match=r"failed 3 times on chunk 3 of film 'film'.*memory"):
        studio.clip(seed=8)
    assert len(fake.prompts) == 5


def test_a_node_that_fails_is_not_tried_again(studio: ComfyStudio, fake: FakeComfyUI):
    """The sentence names the node and its error, neither the server's paths nor the prompt."""
    fake.next("prediction", Fails("ValueError: it broke"))
    with pytest.raises(Rejected, match=r"KSampler \(8\) raised ValueError: it broke") as raised:
        studio.clip()
    assert not [word for word in ("secret", "/home/", "Traceback") if word in str(raised.value)]
    assert len(fake.prompts) == 1


def test_a_prompt_that_runs_too_long_is_cancelled(studio: ComfyStudio, fake: FakeComfyUI):
    """The time in the queue does not count."""
    studio.policy = replace(studio.policy, max_seconds=0.3)
    fake.next("prediction", Takes(seconds=30))
    with pytest.raises(TimedOut, match=r"ran longer than 0.3 s on ComfyUI at 127.*is cancelled"):
        studio.clip()
    assert studio.attempts[0].status == "canceled"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"7": node("OwnUnknown")}, "node OwnUnknown does not exist"),
        ({"12": OTHER_MODEL, "13": node("PreviewAny", source=["12", 0])}, ""),
        (
            {
                "7": node("RepeatImageBatch", image=["12", 0], amount=["4", 0]),
                "12": OTHER_MODEL,
            },
            "'other.safetensors' not in",
        ),
    ],
)
def test_a_refusal_names_the_node(
    studio: ComfyStudio, fake: FakeComfyUI, changes: dict[str, Any], reason: str
):
    """One sentence; an output that is none of ours is left out and said."""
    studio.nodes = still(**changes)
    if not reason:
        studio.clip()
        assert any("leaves out an output: UNETLoader (node 12)" in line for line in studio.log)
        return
    with pytest.raises(Rejected, match=f"refuses the workflow: .*{reason}"):
        studio.clip()
    assert [one.status for one in studio.attempts] == ["void"]


@pytest.mark.parametrize("fault", [Truncated(), Truncated(silently=True), ServerError(), Reset()])
def test_a_bad_download_is_repeated(studio: ComfyStudio, fake: FakeComfyUI, fault: Any):
    """Nothing is rendered again."""
    fake.next("GET /view", fault)
    assert probe(studio.clip().path).frames == 20
    assert len(fake.prompts) == 1


def test_a_clip_that_cannot_be_fetched_is_fetched_by_the_next_run(
    studio: ComfyStudio, fake: FakeComfyUI
):
    """The ledger says so."""
    fake.always("GET /view", ServerError(503))
    with pytest.raises(Unavailable, match="is rendered, but not fetched"):
        studio.clip()
    assert studio.attempts[0].status == "unfetched"
    fake.calm()
    studio.clip()
    assert len(fake.prompts) == 1


@pytest.mark.parametrize("route", ["GET /queue", "GET /history", "POST /upload/image"])
def test_a_server_that_fails_for_a_moment_is_asked_again(
    studio: ComfyStudio, fake: FakeComfyUI, route: str
):
    """Polls and uploads may be repeated."""
    fake.next(route, ServerError(), Reset())
    studio.clip()
    assert len(fake.prompts) == 1


@pytest.mark.parametrize(
    "answer", [WebPage(), Answers(200, {"system": {}}), Answers(404), Answers(302, "", {})]
)
def test_a_server_that_is_not_comfyui_is_refused(
    studio: ComfyStudio, fake: FakeComfyUI, answer: Answers
):
    """Before anything is uploaded."""
    fake.always("GET /system_stats", answer)
    with pytest.raises(NotComfyUI, match=r"is not ComfyUI.*CHUNK_ASSETS_COMFYUI_URLS"):
        studio.clip()
    assert fake.inputs == {}
    assert studio.attempts == ()


def test_a_server_that_does_not_run_is_said(studio: ComfyStudio, fake: FakeComfyUI):
    """After a while, since it may be starting."""
    fake.stop()
    studio.policy = replace(studio.policy, silent_seconds=0.2)
    with pytest.raises(Unavailable, match=r"cannot be reached .*check that it runs"):
        studio.clip()
    fake.start()


def test_polling_alone_is_enough(studio: ComfyStudio, fake: FakeComfyUI):
    """A proxy may let no websocket through."""
    fake.has_websocket = False
    studio.policy = replace(studio.policy, connect_seconds=0.1)
    assert studio.clip()


def test_progress_comes_over_the_websocket(studio: ComfyStudio, fake: FakeComfyUI):
    """It only grows, and counts the steps of samplers."""
    studio.nodes = with_end(steps=40)
    fake.seconds = 0.2
    seen: list[float] = []
    studio.generator().generate(studio.request(), studio.workdir, seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 40
    assert 0.9 < seen[-1] <= 0.99


def test_clips_are_shared_out_among_servers(studio: ComfyStudio, fake: FakeComfyUI):
    """The shortest queue comes first; a server that refuses the workflow gets no more clips."""
    fake.seconds = 0.5
    with FakeComfyUI(seconds=0.5) as second, FakeComfyUI() as third:
        third.models.clear()
        studio.nodes = still(
            **{
                "7": node("RepeatImageBatch", image=["6", 0], amount=["4", 0], x=["12", 0]),
                "12": node("UNETLoader", unet_name="wan2.2.safetensors"),
            }
        )
        studio.urls += [second.url, third.url]
        generator = studio.generator()
        threads = []
        for number in range(4):
            workdir = studio.workdir / str(number)
            workdir.mkdir()
            request = studio.request(seed=number, chunk_num=number)
            threads.append(threading.Thread(target=generator.generate, args=(request, workdir)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted((len(fake.done), len(second.done))) == [2, 2]
        assert third.files == {}


def test_a_server_that_dies_for_good_hands_its_clip_to_another(
    studio: ComfyStudio, fake: FakeComfyUI
):
    """It costs time only, and the ledger keeps the attempt as unknown."""
    fake.next("prediction", Takes(seconds=30))
    studio.policy = replace(studio.policy, silent_seconds=0.5)
    with FakeComfyUI() as second:
        studio.urls.append(second.url)
        generator = studio.generator()

        def die() -> None:
            while not any(one.status == "running" for one in fake.prompts):
                time.sleep(0.01)
            fake.stop()

        dying = threading.Thread(target=die)
        dying.start()
        second.next("GET /prompt", Answers(200, {"exec_info": {"queue_remaining": 9}}))
        clip = studio.clip(generator)
        assert clip.details["comfyui_server"] == second.url.removeprefix("http://")
        assert [one.status for one in studio.attempts] == ["unknown", "succeeded"]
        dying.join()
        fake.start()


def test_simultaneous_processes_render_once(studio: ComfyStudio, fake: FakeComfyUI):
    """A conditional write lets one of them ask; the others continue with its prompt."""
    fake.seconds = 0.5
    generators = [studio.generator() for _ in range(3)]
    clips: list[str] = []

    def render(number: int) -> None:
        workdir = studio.workdir / str(number)
        workdir.mkdir()
        clip = generators[number].generate(studio.request(), workdir)
        clips.append(str(clip.details["prompt_id"]))

    threads = [threading.Thread(target=render, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clips == [fake.prompts[0].id] * 3
    assert len(fake.prompts) == 1


def test_the_original_has_the_graph_in_it(studio: ComfyStudio):
    """As the real server writes it; what is made public must not."""
    with av.open(str(studio.clip().path)) as container:
        assert "a lamp at dawn" in container.metadata["prompt"]
