"""`render`: what it prints, what it keeps, and what it renders again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chunk_assets.film.records import ClipRecord
from chunk_assets.media.frames import VideoInfo, probe
from chunk_assets.storage import keys
from chunk_assets.storage.local.weed import Server
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject
from chunk_assets_tests.cli.commands import Ended, done, rendered
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.conftest import deploy, emptied
from chunk_assets_tests.manifests import small_manifest, write_animatic

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Visit:
    """A film rendered, and rendered again twice without a change, with what was there after each.

    The first and the last are for a person, the one between for a program.
    """

    first: Ended
    second: Ended
    third: Ended
    film: VideoInfo
    stored: list[dict[str, StoredObject | None]]
    is_fetched_again: bool
    bucket: str


@pytest.fixture(scope="module")
def visit(s3_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Three renders that several tests look at."""
    desk = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        store = emptied(deploy(s3_server, desk / "home", patch))
        patch.chdir(desk)
        write_animatic(desk / "film", small_manifest())
        ended, stored = [], []
        for options in ((), ("--json",), ()):
            (desk / "film.mp4").unlink(missing_ok=True)
            ended.append(done("render", "film", *options))
            stored.append({key: store.head(key) for key in store.keys("")})
        film = desk / "film.mp4"
        first, second, third = ended
        is_there, bucket = film.exists(), store.uri("")
        yield Visit(first, second, third, probe(film), stored, is_there, bucket)


def takes(store: ObjectStore) -> list[int]:
    """Which take of each chunk of `film` is stored."""
    stored = [store.head(keys.chunk_video("film", number)) for number in range(3)]
    return [ClipRecord.of(clip).take for clip in stored if clip is not None]


def test_a_film_comes_out_and_a_table_says_how(visit: Visit):
    """The film lies in the current directory under its name, and stdout ends with where."""
    film = visit.film
    assert (film.frames, film.fps, film.width, film.height) == (48, 8, 128, 72)
    lines = visit.first.stdout.splitlines()
    assert lines[0].split() == ["chunk", "beat", "film", "rendered", "in", "cost"]
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["00", "one", "0.0-2.0"],
        ["01", "one", "2.0-4.0"],
        ["02", "two", "4.0-6.0"],
    ]
    stored = [visit.stored[0][keys.chunk_video("film", number)] for number in range(3)]
    seconds = [ClipRecord.of(clip).seconds for clip in stored if clip is not None]
    assert all(each > 0 for each in seconds)
    shown = [float(line.split()[-3]) for line in lines[1:4]]
    assert shown == pytest.approx(seconds, abs=0.051)  # a tenth, of what is stored to the ms
    assert lines[4:] == [
        "Rendered all 3 chunks.",
        "product_reference is stored, but not used: only a hosted model that takes reference "
        "pictures uses it, such as kling-o1.",
        "film.mp4: 6.00 s, 48 frames, 128x72 at 8 fps; cost $0.00 in all",
    ]


def test_without_a_terminal_stderr_has_one_plain_line_a_chunk(visit: Visit):
    """A log gets neither bars nor colours."""
    lines = visit.first.stderr.splitlines()
    assert [line.rsplit(" in ", 1)[0] for line in lines[:3]] == [
        "chunk 00 (1 of 3), one: rendered",
        "chunk 01 (2 of 3), one: rendered",
        "chunk 02 (3 of 3), two: rendered",
    ]
    assert lines[3:] == ["stitching the film"]
    assert "\x1b" not in visit.first.stderr + visit.first.stdout


def test_a_second_render_keeps_everything_and_says_so(visit: Visit):
    """Nothing on S3 is written again; the film is fetched again."""
    lines = visit.third.stdout.splitlines()
    assert [line.split()[-2] for line in lines[1:4]] == ["kept"] * 3
    assert lines[4] == "All 3 chunks and the film are up to date: nothing was rendered again."
    assert visit.third.stderr.splitlines()[0] == "chunk 00 (1 of 3), one: kept"
    assert visit.stored[0] == visit.stored[1] == visit.stored[2]
    assert visit.is_fetched_again


def test_json_is_one_document_and_nothing_else(visit: Visit):
    """A program finds there what the table says, and more."""
    document = visit.second.document
    assert (document["video_id"], document["path"]) == ("film", "film.mp4")
    assert (document["frames"], document["fps"], document["size"]) == (48, 8, [128, 72])
    assert document["stitched_video_url"] == f"{visit.bucket}videos/film/stitched.mp4"
    clips = [f"{visit.bucket}chunks/film/chunk_0{number}.mp4" for number in range(3)]
    assert document["chunk_urls"] == clips
    assert document["total_cost"] == 0
    assert [chunk["beat"] for chunk in document["chunks"]] == ["one", "one", "two"]
    assert [chunk["state"] for chunk in document["chunks"]] == ["fresh"] * 3
    assert (rendered(visit.second), document["is_stitched_now"]) == ([], False)


def test_the_output_and_the_name_can_be_chosen(animatic: Animatics, store: ObjectStore, desk: Path):
    """`--video-id` names the film on S3; `-o` its file, where a link stays a link."""
    (desk / "out").mkdir()
    (desk / "out" / "film 1.mp4").write_text("an older film")
    (desk / "latest.mp4").symlink_to("out/film 1.mp4")
    ended = done("render", animatic(), "-o", "latest.mp4", "--video-id", "spring-26")
    assert ended.stdout.splitlines()[-1].startswith("latest.mp4: 6.00 s")
    assert (desk / "latest.mp4").is_symlink()
    assert probe(desk / "out" / "film 1.mp4").frames == 48
    assert {key.split("/")[1].removesuffix(".json") for key in store.keys("")} == {"spring-26"}
    (desk / "new").touch()  # with the permissions that the umask leaves
    assert (desk / "latest.mp4").stat().st_mode == (desk / "new").stat().st_mode


def test_chosen_chunks_are_rendered_again(animatic: Animatics, store: ObjectStore):
    """`--chunks` makes new takes of them and of what changes behind them, `--only` of them alone.

    What is stale then is said, and the next render catches up.
    """
    animatic()
    done("render", "film")
    ended = done("render", "film", "--chunks", "0-1", "--only")
    assert takes(store) == [2, 2, 1]
    assert "Rendered 2 of 3 chunks, kept 1." in ended.stdout
    assert "Out of date: 02 (chunk 1 now ends on" in ended.stdout
    assert rendered(done("render", "film", "--json")) == [2]
    ended = done("render", "film", "--chunks", "1", "--json")
    assert rendered(ended) == [1, 2]
    assert takes(store) == [2, 3, 3]
    assert ended.document["is_stitched_now"]


def test_a_seed_makes_another_take_and_is_recorded(animatic: Animatics):
    """The same seed renders nothing again, another one everything."""
    beats = [{"name": "all", "prompt_template": "x", "duration": 2}]
    animatic(duration=2, beats=beats, transitions=[], frames=["one.png"])
    renders = [done("render", "film", "--seed", seed, "--json") for seed in (7, 7, 8)]
    assert [rendered(ended) for ended in renders] == [[0], [], [0]]
    first, same, other = (ended.document["chunks"][0]["clip"]["seed"] for ended in renders)
    assert first == same != other


def test_a_changed_prompt_renders_from_its_first_chunk_on(
    animatic: Animatics, store: ObjectStore, desk: Path
):
    """The chunks before the changed beat stay; another transition only stitches again."""
    animatic()
    done("render", "film")
    document = small_manifest()
    document["beats"][1]["prompt_template"] = "{product_name} leaps"
    (desk / "film" / "animatic.json").write_text(json.dumps(document))
    ended = done("render", "film", "--json")
    assert (rendered(ended), ended.document["is_stitched_now"]) == ([2], True)
    assert takes(store) == [1, 1, 2]
    document["transitions"] = [{"type": "cut"}]
    (desk / "film" / "animatic.json").write_text(json.dumps(document))
    ended = done("render", "film")
    assert "All 3 chunks are up to date; the film was stitched again." in ended.stdout


def test_a_portrait_of_many_beats_and_no_whole_number_of_slots(desk: Path, animatic: Animatics):
    """Size, length and beats are the manifest's, whatever they are."""
    beats = [{"name": f"beat {n}", "prompt_template": "x", "duration": 0.365} for n in range(20)]
    ended = done(
        *("render", "--json"),
        animatic(
            **{"duration": 7.3, "fps": 24, "resolution": "72x128"},
            **{"beats": beats, "frames": [f"{n}.png" for n in range(20)], "transitions": None},
        ),
    )
    film = probe(desk / "film.mp4")
    assert (film.frames, film.width, film.height) == (175, 72, 128)
    names = [chunk["beat"] for chunk in ended.document["chunks"]]
    assert len(set(names)) == 4
    assert names[0] == "beat 0"


def test_the_slowest_and_the_fastest_fps_in_directories_of_any_name(
    store: ObjectStore, desk: Path, animatic: Animatics
):
    """A video id is made of what a directory's name has of letters and digits."""
    beats = [{"name": "all", "prompt_template": "x", "duration": 2}]
    one_chunk = {"duration": 2, "beats": beats, "transitions": [], "frames": ["one.png"]}
    done("render", animatic("slow & steady", fps=1))
    ended = done("render", animatic("Été: spot 1", **one_chunk, fps=120), "-o", "été.mp4")
    assert "été.mp4: 2.00 s, 240 frames" in ended.stdout
    assert "Rendered the chunk." in ended.stdout
    assert probe(desk / "slow-steady.mp4").frames == 6
    assert probe(desk / "été.mp4").frames == 240
    assert {"animatics/slow-steady.json", "animatics/Ete-spot-1.json"} < set(store.keys(""))
