"""The catalog's models: names, lengths, sizes and prices."""

from fractions import Fraction

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.catalog import (
    COST_ZEROSCOPE_VIDEO,
    DEFAULT_MODEL,
    HostedModel,
    load_catalog,
)
from chunk_assets.planning.timeline import OVERLAP_SECONDS, SLOT_SECONDS, plan_slots
from chunk_assets.schemas import read_animatic
from chunk_assets_tests.manifests import small_manifest

SIZE = (1024, 576)
NAMES = list(load_catalog())
TODAY = [
    "wan-2.7-i2v",
    "wan-2.6-i2v",
    "wan-2.6-i2v-flash",
    "kling-v3",
    "kling-v2.6",
    "kling-o1",
    "veo-3.1-fast",
    "seedance-2.0",
    "seedance-2.0-fast",
    "seedance-1.5-pro",
    "hailuo-2.3",
    "ltx-2.3-fast",
    "p-video",
    "pixverse-v5.6",
    "vidu-q3-pro",
    "vidu-q3-turbo",
    "runway-gen-4.5",
    "grok-imagine",
    "happyhorse-1.0",
]
"""The models of 2026."""

VERSION = "9f" * 32

OWN = """
["own-1.0"]
replicate = "owner/own"
is_official = true
media = { parameter = "image", kind = "image" }
length = { kind = "fixed", seconds = 5.04, fps = 25 }
size = { kind = "image" }
price = { unit = "clip", usd = 1, source = "a bill", date = 2026-11-01 }
"""


def asked(name: str, num_frames: int, fps: int = 24):
    """Return the inputs for a length, and its seconds."""
    length = load_catalog()[name].clip_length(num_frames, FrameRate(fps))
    return length.inputs, length.seconds


def price(name: str, num_frames: int, size=SIZE, fps: int = 24) -> float:
    model = load_catalog()[name]
    return model.price_usd(model.clip_length(num_frames, FrameRate(fps)), size)


def test_the_catalog_has_the_models_that_were_promised():
    """Zeroscope first, those of 2026 last, each with the source and date of its price."""
    catalog = load_catalog()
    assert NAMES[0] == DEFAULT_MODEL
    assert NAMES[7:] == TODAY
    community = ["zeroscope-v2-xl", "ltx-video"]
    assert [name for name in catalog if not catalog[name].is_official] == community
    assert all(model.price.is_estimate and model.price.source for model in catalog.values())


def test_a_retired_model_is_refused_with_its_successors(extra):
    """By both of its names; a user's file can retire a model, or bring one back."""
    for name in ("sora-2", "openai/sora-2", "sora-2:latest"):
        with pytest.raises(
            SpecError, match=r"'sora-2' was retired on 24 September 2026 \(OpenAI c"
        ):
            load_catalog().find(name)
    with pytest.raises(SpecError, match=r"choose veo-3\.1-fast or kling-v3 instead"):
        load_catalog().find("sora-2")
    assert set(load_catalog().retired["sora-2"].retired.successors) <= set(load_catalog())
    gone = extra('[ltx-video]\nretired = { date = 2026-12-01, successors = ["ltx-2.3-fast"] }')
    assert "ltx-video" not in gone
    with pytest.raises(
        SpecError, match=r"retired on 1 December 2026: choose ltx-2\.3-fast instead"
    ):
        gone.find("ltx-video")
    back = extra(OWN.replace("own-1.0", "sora-2") + "retired = false\n")
    assert back.find("sora-2").name == "sora-2"


def test_zeroscopes_price_has_one_source():
    """The public constant is the catalog's figure."""
    assert COST_ZEROSCOPE_VIDEO == price("zeroscope-v2-xl", 48) == price("zeroscope-v2-xl", 60)


@pytest.mark.parametrize("suffix", ["", ":latest", f":{VERSION}"])
@pytest.mark.parametrize("name", ["zeroscope-v2-xl", " anotherjesse/zeroscope-v2-xl"])
def test_a_model_is_found_by_every_name_it_has(name: str, suffix: str):
    """Short and full names, with the latest version or a certain one."""
    model = load_catalog().find(name + suffix)
    assert model.name == "zeroscope-v2-xl"
    assert model.version == (VERSION if VERSION in suffix else None)


def test_latest_means_latest_where_the_catalog_has_a_version(extra):
    """A pinned version is used unless the user names another."""
    catalog = extra(f'[ltx-video]\nversion = "{VERSION}"')
    assert catalog.find("ltx-video").version == VERSION
    assert catalog.find("lightricks/ltx-video:latest").version is None


def test_an_unknown_name_is_refused():
    """The error lists the known names, or says what a version must be."""
    with pytest.raises(SpecError, match=r"no model 'sora': choose one of zeroscope-v2-xl, wan-2"):
        load_catalog().find("sora")
    with pytest.raises(SpecError, match="version '9f747673': expected 'latest' or"):
        load_catalog().find("zeroscope-v2-xl:9f747673")


@pytest.mark.parametrize(
    ("name", "num_frames", "fps", "inputs", "seconds"),
    [
        ("zeroscope-v2-xl", 48, 24, {"num_frames": 48, "fps": 24}, 2),
        ("zeroscope-v2-xl", 60, 24, {"num_frames": 60, "fps": 24}, Fraction(5, 2)),
        ("zeroscope-v2-xl", 125, 50, {"num_frames": 60, "fps": 24}, Fraction(5, 2)),
        ("zeroscope-v2-xl", 100, 41, {"num_frames": 59, "fps": 24}, Fraction(59, 24)),
        ("wan-2.2-i2v-fast", 60, 24, {"num_frames": 81, "frames_per_second": 16}, Fraction(81, 16)),
        (
            "wan-2.2-i2v-fast",
            121,
            24,
            {"num_frames": 81, "frames_per_second": 16},
            Fraction(81, 16),
        ),
        (
            "wan-2.2-i2v-fast",
            122,
            24,
            {"num_frames": 82, "frames_per_second": 16},
            Fraction(82, 16),
        ),
        ("wan-2.2-i2v-fast", 150, 25, {"num_frames": 96, "frames_per_second": 16}, 6),
        (
            "wan-2.2-i2v-fast",
            181,
            30,
            {"num_frames": 97, "frames_per_second": 16},
            Fraction(97, 16),
        ),
        ("wan-2.2-i2v-fast", 6, 2, {"num_frames": 81, "frames_per_second": 16}, Fraction(81, 16)),
        ("wan-2.1-i2v-480p", 60, 24, {}, 5),
        ("wan-2.1-i2v-480p", 120, 24, {}, 5),
        ("hailuo-2.3-fast", 144, 24, {"duration": 6}, 6),
        ("hailuo-2.3-fast", 145, 24, {"duration": 10}, 10),
        ("seedance-1-pro-fast", 48, 24, {"duration": 2}, 2),
        ("seedance-1-pro-fast", 60, 24, {"duration": 3}, 3),
        ("kling-v2.5-turbo-pro", 60, 24, {"duration": 5}, 5),
        ("ltx-video", 97, 24, {"length": 97}, Fraction(97, 24)),
        ("ltx-video", 98, 24, {"length": 129}, Fraction(129, 24)),
    ],
)
def test_the_shortest_sufficient_clip_is_requested(name, num_frames, fps, inputs, seconds):
    """It has the model's own inputs, in whole frames of its native rate, at any film rate."""
    assert asked(name, num_frames, fps) == (inputs, seconds)
    assert seconds * fps >= num_frames


def test_every_model_has_its_native_rate():
    """Clips are requested at this rate only, unless the model can make several."""
    rates = {name: model.native_fps for name, model in load_catalog().items()}
    assert rates == dict.fromkeys(NAMES, 24) | {
        "wan-2.2-i2v-fast": 16,
        "wan-2.1-i2v-480p": 16,
        "ltx-2.3-fast": None,
        "p-video": None,
    }
    for model in load_catalog().values():
        for fps in (1, 12, 16, 24, 25, 30, 50, 60, 120):
            length = model.clip_length(fps, FrameRate(fps))
            assert length.model_fps == model.native_fps or model.native_fps is None


@pytest.mark.parametrize(
    ("fps", "ltx", "pruna"), [(24, 24, 24), (25, 25, 24), (48, 25, 48), (12, 24, 24), (30, 25, 24)]
)
def test_a_rate_that_can_be_chosen_is_the_films(fps: int, ltx: int, pruna: int):
    """Or a multiple of it; or else the model's own."""
    for name, expected in (("ltx-2.3-fast", ltx), ("p-video", pruna)):
        length = load_catalog()[name].clip_length(2 * fps, FrameRate(fps))
        assert (length.inputs["fps"], length.model_fps) == (expected, expected)
        assert length.seconds == length.inputs["duration"]


WITHOUT_NATIVE = OWN.replace(
    'length = { kind = "fixed", seconds = 5.04, fps = 25 }',
    'length = { kind = "range", parameter = "n", frames = [1, 120], fps_parameter = "r",'
    " fps = [1, 30] }",
)


@pytest.mark.parametrize(
    ("num_frames", "fps", "frames", "rate"),
    [(48, 24, 48, 24), (75, 25, 75, 25), (125, 50, 63, 25), (100, 41, 74, 30), (6, 2, 6, 2)],
)
def test_a_model_without_a_native_rate_gets_the_films_rate(extra, num_frames, fps, frames, rate):
    """A file from before native rates existed keeps its meaning."""
    model = extra(WITHOUT_NATIVE)["own-1.0"]
    assert model.native_fps is None
    assert model.clip_length(num_frames, FrameRate(fps)).inputs == {"n": frames, "r": rate}


@pytest.mark.parametrize(
    ("fps", "native", "asked"),
    [("[20, 30]", "", 20), ("[5, 12]", "", 12), ("[24, 24]", "", 24), ("[5, 30]", "25", 25)],
)
def test_a_users_file_may_limit_or_set_the_rate(extra, fps: str, native: str, asked: int):
    """The rate nearest to the native one is requested, even if an older file omits it."""
    own = f"native_fps = {native}" if native else ""
    catalog = extra(f'["wan-2.2-i2v-fast".length]\nfps = {fps}\n{own}')
    assert (
        catalog["wan-2.2-i2v-fast"].clip_length(60, FrameRate(24)).inputs["frames_per_second"]
        == asked
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_longer_than_a_model_makes_is_refused(name: str):
    """The error has the length and the longest possible one, which can be requested."""
    model = load_catalog()[name]
    most = model.length.longest(FrameRate(24)).film_frames(FrameRate(24))
    assert model.clip_length(most, FrameRate(24)).seconds * 24 >= most
    with pytest.raises(SpecError, match=rf"{model.name} makes no clip .*s is the longest"):
        model.clip_length(most + 1, FrameRate(24))
    with pytest.raises(SpecError, match="0 frames at 24 fps"):
        model.clip_length(0, FrameRate(24))


@pytest.mark.parametrize("fps", [1, 12, 24, 25, 30, 50, 60, 120])
@pytest.mark.parametrize("name", NAMES)
def test_slots_fit_the_models_clips(name: str, fps: int):
    """With the model's slots, every chunk can be made, and little is discarded."""
    model = load_catalog()[name]
    slot = model.slot_seconds(FrameRate(fps), OVERLAP_SECONDS)
    beats = [{"name": "all", "duration": 60.0, "prompt_template": "a cup"}]
    document = {"duration": 60.0, "fps": fps, "beats": beats, "frames": ["one.png"]}
    film = read_animatic({**small_manifest(), **document, "transitions": None})
    slots = plan_slots(film, slot_seconds=slot)
    assert sum(slot.end - slot.start for slot in slots) == 60 * fps
    frames = [slot.end - slot.start + slot.lead_in for slot in slots]
    assert all(model.clip_length(count, FrameRate(fps)) for count in frames)
    shortest = model.length.shortest(FrameRate(fps)).film_frames(FrameRate(fps))
    if slot != SLOT_SECONDS:
        assert frames[1] == shortest
        assert slot > SLOT_SECONDS


def test_slots_of_the_defaults():
    """A model that makes short clips has slots of 2 s; the others need longer ones."""
    slots = {name: model.slot_seconds(FrameRate(24), 0.5) for name, model in load_catalog().items()}
    short = ("zeroscope-v2-xl", "seedance-1-pro-fast", "seedance-1.5-pro", "wan-2.7-i2v", "p-video")
    assert {slots[name] for name in short} == {2.0}
    assert slots["kling-v3"] == 2.5
    assert slots["veo-3.1-fast"] == slots["seedance-2.0"] == 3.5
    assert slots["wan-2.2-i2v-fast"] == 109 / 24  # 121 whole film frames in 81/16 s, less 12
    assert slots["wan-2.1-i2v-480p"] == slots["kling-v2.5-turbo-pro"] == 4.5
    assert slots["hailuo-2.3-fast"] == 5.5
    assert slots["ltx-video"] == 85 / 24
    assert load_catalog()["kling-v2.5-turbo-pro"].slot_frames(FrameRate(24), 12, 110) == 110


def test_a_slot_is_never_longer_than_the_models_longest_clip(extra):
    """A model with clips of at most 2 s gets slots of 1.5 s, so that every chunk can be made."""
    model = extra(OWN.replace("5.04", "2"))["own-1.0"]
    assert model.slot_frames(FrameRate(24), 12, 48) == 36
    assert model.clip_length(48, FrameRate(24)).seconds == 2


@pytest.mark.parametrize(
    ("name", "num_frames", "size", "usd"),
    [
        ("wan-2.2-i2v-fast", 60, (832, 480), 0.06075),  # 81 frames at 16 fps
        ("wan-2.2-i2v-fast", 150, (832, 480), 0.075),  # 100 frames
        ("wan-2.2-i2v-fast", 60, SIZE, 0.162),
        ("wan-2.1-i2v-480p", 60, SIZE, 0.45),
        ("hailuo-2.3-fast", 60, SIZE, 0.1896),
        ("hailuo-2.3-fast", 60, (1920, 1080), 0.33),
        ("hailuo-2.3-fast", 200, (1920, 1080), 0.316),  # 10 s are made in 768p only
        ("seedance-1-pro-fast", 48, SIZE, 0.05),
        ("seedance-1-pro-fast", 60, SIZE, 0.075),
        ("kling-v2.5-turbo-pro", 60, SIZE, 0.35),
        ("ltx-video", 60, SIZE, 0.08),
        ("kling-v3", 60, SIZE, 0.504),  # 3 s, standard, silent
        ("kling-v3", 200, (1920, 1080), 2.016),  # 9 s, pro
        ("veo-3.1-fast", 60, SIZE, 0.4),
        ("pixverse-v5.6", 60, (720, 1280), 0.45),
        ("pixverse-v5.6", 200, (1920, 1080), 0.9),  # 10 s are made in 720p at most
        ("runway-gen-4.5", 60, SIZE, 0.6),
    ],
)
def test_a_clip_costs_what_is_made_and_not_what_is_used(name, num_frames, size, usd):
    """The whole requested length counts, at the resolution's price."""
    assert price(name, num_frames, size) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("name", "size", "inputs", "picture"),
    [
        ("zeroscope-v2-xl", SIZE, {"width": 1024, "height": 576}, SIZE),
        ("zeroscope-v2-xl", (1920, 1080), {"width": 1024, "height": 576}, SIZE),
        ("zeroscope-v2-xl", (1080, 1920), {"width": 576, "height": 1024}, (576, 1024)),
        ("zeroscope-v2-xl", (64, 64), {"width": 256, "height": 256}, (256, 256)),
        ("zeroscope-v2-xl", (4096, 64), {"width": 2304, "height": 256}, (2304, 256)),
        ("zeroscope-v2-xl", (642, 362), {"width": 640, "height": 360}, (640, 360)),
        ("wan-2.2-i2v-fast", (854, 480), {"resolution": "480p"}, (854, 480)),
        ("wan-2.2-i2v-fast", (3840, 2160), {"resolution": "720p"}, (3840, 2160)),
        ("seedance-1-pro-fast", (1280, 720), {"resolution": "720p"}, (1280, 720)),
        ("seedance-1-pro-fast", (720, 1280), {"resolution": "720p"}, (720, 1280)),
        ("seedance-1-pro-fast", (1920, 1080), {"resolution": "1080p"}, (1920, 1080)),
        ("wan-2.1-i2v-480p", SIZE, {"aspect_ratio": "16:9"}, (832, 480)),
        ("wan-2.1-i2v-480p", (576, 1024), {"aspect_ratio": "9:16"}, (480, 832)),
        ("ltx-video", (700, 700), {"target_size": 704}, (700, 700)),
        ("ltx-video", (1920, 1080), {"target_size": 1024}, (1920, 1080)),
        ("kling-v2.5-turbo-pro", (64, 64), {}, (64, 64)),
        (
            "veo-3.1-fast",
            (720, 1280),
            {"resolution": "720p", "aspect_ratio": "9:16"},
            (720, 1280),
        ),
        (
            "veo-3.1-fast",
            (1920, 804),  # 2.39:1
            {"resolution": "1080p", "aspect_ratio": "16:9"},
            (1428, 804),
        ),
        (
            "pixverse-v5.6",
            (1080, 1350),
            {"quality": "1080p", "aspect_ratio": "1:1"},
            (1080, 1080),
        ),
        ("runway-gen-4.5", (1080, 1350), {"aspect_ratio": "3:4"}, (832, 1104)),
    ],
)
def test_the_size_follows_the_models_rules(name, size, inputs, picture):
    """It is no larger than the model allows, and no smaller than the film if possible."""
    model = load_catalog()[name]
    chosen = model.frame_size(model.clip_length(48, FrameRate(24)), size)
    assert (chosen.inputs, chosen.picture) == (inputs, picture)


def test_models_are_values():
    """A model is an immutable value, equal if all fields are equal."""
    model = load_catalog()["ltx-video"]
    assert HostedModel.model_validate(model.model_dump()) == model
    with pytest.raises(ValueError, match="frozen"):
        model.seed = "other"
