import hashlib
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.replicate.inputs import (
    MAX_SEED,
    MediaUrls,
    build_inputs,
    request_fingerprint,
    without_media,
)
from chunk_assets_tests.generation.replicate.requests import request

URL = "https://example.com/composite"
URLS = MediaUrls(URL)
PROMPT = {"prompt": "a cup on a table"}

SEEDANCE_2 = {
    "image": URL,
    "duration": 4,
    "resolution": "720p",
    "aspect_ratio": "adaptive",
    "seed": 7,
    "generate_audio": False,
}
VIDU_Q3 = {"start_image": URL, "duration": 3, "resolution": "540p", "seed": 7, "audio": False}

ASKED: dict[str, dict[str, Any]] = {
    "zeroscope-v2-xl": {
        "init_video": URL,
        "init_weight": 0.5,
        "model": "xl",
        "num_frames": 60,
        "fps": 24,
        "width": 1024,
        "height": 576,
        "negative_prompt": "hands",
        "seed": 7,
    },
    "wan-2.2-i2v-fast": {
        "image": URL,
        "num_frames": 81,
        "frames_per_second": 16,
        "resolution": "720p",
        "go_fast": True,
        "interpolate_output": False,
        "seed": 7,
    },
    "wan-2.1-i2v-480p": {
        "image": URL,
        "aspect_ratio": "16:9",
        "fast_mode": "Balanced",
        "negative_prompt": "hands",
        "seed": 7,
    },
    "hailuo-2.3-fast": {
        "first_frame_image": URL,
        "duration": 6,
        "resolution": "768p",
        "prompt_optimizer": False,
    },
    "seedance-1-pro-fast": {
        "image": URL,
        "duration": 3,
        "resolution": "720p",
        "fps": 24,
        "camera_fixed": False,
        "seed": 7,
    },
    "kling-v2.5-turbo-pro": {"start_image": URL, "duration": 5, "negative_prompt": "hands"},
    "ltx-video": {
        "image": URL,
        "length": 97,
        "target_size": 1024,
        "model": "0.9.1",
        "negative_prompt": "hands",
        "seed": 7,
    },
    "wan-2.7-i2v": {
        "first_frame": URL,
        "duration": 3,
        "resolution": "720p",
        "enable_prompt_expansion": False,
        "negative_prompt": "hands",
        "seed": 7,
    },
    "wan-2.6-i2v": {
        "image": URL,
        "duration": 5,
        "resolution": "720p",
        "enable_prompt_expansion": False,
        "multi_shots": False,
        "negative_prompt": "hands",
        "seed": 7,
    },
    "wan-2.6-i2v-flash": {
        "image": URL,
        "duration": 5,
        "resolution": "720p",
        "enable_prompt_expansion": False,
        "multi_shots": False,
        "negative_prompt": "hands",
        "seed": 7,
        "audio_enabled": False,
    },
    "kling-v3": {
        "start_image": URL,
        "duration": 3,
        "mode": "standard",
        "negative_prompt": "hands",
        "generate_audio": False,
    },
    "kling-v2.6": {
        "start_image": URL,
        "duration": 5,
        "negative_prompt": "hands",
        "generate_audio": False,
    },
    "kling-o1": {"start_image": URL, "duration": 5, "mode": "std"},
    "veo-3.1-fast": {
        "image": URL,
        "duration": 4,
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "negative_prompt": "hands",
        "seed": 7,
        "generate_audio": False,
    },
    "seedance-2.0": SEEDANCE_2,
    "seedance-2.0-fast": SEEDANCE_2,
    "seedance-1.5-pro": {
        "image": URL,
        "duration": 3,
        "fps": 24,
        "seed": 7,
        "generate_audio": False,
        "camera_fixed": False,
    },
    "hailuo-2.3": {
        "first_frame_image": URL,
        "duration": 6,
        "resolution": "768p",
        "prompt_optimizer": False,
    },
    "ltx-2.3-fast": {
        "image": URL,
        "duration": 6,
        "fps": 24,
        "resolution": "1080p",
        "aspect_ratio": "16:9",
        "generate_audio": False,
        "camera_motion": "dolly_in",
    },
    "p-video": {
        "image": URL,
        "duration": 3,
        "fps": 24,
        "resolution": "720p",
        "prompt_upsampling": False,
        "seed": 7,
        "save_audio": False,
    },
    "pixverse-v5.6": {
        "image": URL,
        "duration": 5,
        "quality": "540p",
        "aspect_ratio": "16:9",
        "thinking_type": "disabled",
        "negative_prompt": "hands",
        "seed": 7,
        "generate_audio_switch": False,
    },
    "vidu-q3-pro": VIDU_Q3,
    "vidu-q3-turbo": VIDU_Q3,
    "runway-gen-4.5": {"image": URL, "duration": 5, "aspect_ratio": "16:9", "seed": 7},
    "grok-imagine": {"image": URL, "duration": 3, "resolution": "720p", "aspect_ratio": "auto"},
    "happyhorse-1.0": {"image": URL, "duration": 3, "resolution": "720p", "seed": 7},
}


def test_every_model_of_the_catalog_is_tested_here():
    """A new model needs a line above."""
    assert set(ASKED) == set(load_catalog())


@pytest.mark.parametrize("name", ASKED)
def test_a_model_gets_exactly_its_inputs(name: str):
    """The complete inputs, by the model's own names."""
    assert build_inputs(load_catalog()[name], request(), URLS) == ASKED[name] | PROMPT


@pytest.mark.parametrize(("chunk_num", "num_frames"), [(0, 48), (1, 60)])
def test_zeroscope_gets_a_clip_and_no_image(chunk_num: int, num_frames: int):
    """48 or 60 frames at 24 fps, 1024×576, as the task list has it."""
    asked = request(chunk_num=chunk_num, num_frames=num_frames, negative_prompt=None)
    inputs = build_inputs(load_catalog()["zeroscope-v2-xl"], asked, URLS)
    expected = ASKED["zeroscope-v2-xl"] | PROMPT | {"num_frames": num_frames}
    del expected["negative_prompt"]
    assert inputs == expected
    assert "image" not in inputs


def test_an_impossible_request_is_refused():
    """A seed of over 31 bits, and a clip that is too long."""
    model = load_catalog()["zeroscope-v2-xl"]
    assert build_inputs(model, request(seed=MAX_SEED), URLS)["seed"] == 2147483647
    for seed in (-1, MAX_SEED + 1):
        with pytest.raises(SpecError, match=f"the seed is {seed}: expected 0 to 2147483647"):
            build_inputs(model, request(seed=seed), URLS)
    with pytest.raises(SpecError, match="5 s is the longest"):
        build_inputs(model, request(num_frames=121), URLS)


def test_a_fingerprint_distinguishes_requests():
    """It depends on every input, the version and the picture, but not on its URL or the order."""
    model = load_catalog()["zeroscope-v2-xl"]
    inputs = build_inputs(model, request(), URLS)
    first = request_fingerprint(model, "ab", inputs, "01")
    moved = without_media(
        model, build_inputs(model, request(), MediaUrls("https://example.com/other"))
    )
    assert "init_video" not in moved
    assert request_fingerprint(model, "ab", dict(reversed(moved.items())), "01") == first
    others = [
        request_fingerprint(model, None, inputs, "01"),
        request_fingerprint(model, "ab", inputs, "02"),
        request_fingerprint(load_catalog()["ltx-video"], "ab", inputs, "01"),
        *(request_fingerprint(model, "ab", {**moved, name: 3}, "01") for name in moved),
    ]
    assert len({first, *others}) == len(others) + 1


def test_a_fingerprint_is_the_same_in_every_release():
    """An earlier process's paid prediction is found by it."""
    model = load_catalog()["kling-v2.5-turbo-pro"]
    material = (
        rb'{"inputs":{"duration":5,"prompt":"Gr\u00fc\u00dfe"},"media":"00",'
        rb'"model":"kwaivgi/kling-v2.5-turbo-pro","version":null}'
    )
    fingerprint = request_fingerprint(model, None, {"prompt": "Grüße", "duration": 5}, "00")
    assert fingerprint == hashlib.sha256(material).hexdigest()


def test_a_fingerprint_distinguishes_the_other_pictures():
    """An end picture and references are part of it, by their pixels; their URLs are not."""
    model = load_catalog()["kling-o1"]
    asked = request(end_image=Path("end.png"), references=(Path("cup.png"),))
    urls = MediaUrls(URL, "https://example.com/end", ("https://example.com/cup",))
    inputs = build_inputs(model, asked, urls)
    assert (inputs["end_image"], inputs["reference_images"]) == (
        urls.end_image,
        [urls.references[0]],
    )
    assert without_media(model, inputs) == without_media(
        model, build_inputs(model, request(), URLS)
    )
    fingerprints = {
        request_fingerprint(
            model, None, inputs, "00", end_image_sha256=end, reference_sha256s=references
        )
        for end in (None, "01", "02")
        for references in ((), ("01",), ("01", "02"), ("02", "01"))
    }
    assert len(fingerprints) == 12


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        (
            "hailuo-2.3",
            {"end_image": Path("end.png")},
            "hailuo-2.3 cannot end a clip on a given pic",
        ),
        (
            "seedance-2.0",
            {"references": (Path("cup.png"),)},
            "takes no reference pictures beside a first picture, and 1 were given",
        ),
        ("kling-v3", {"references": (Path("cup.png"),)}, "takes no reference pictures, and 1 were"),
        (
            "kling-o1",
            {"references": (Path("a.png"),) * 8},
            "takes at most 7 reference pictures, and 8",
        ),
        (
            "veo-3.1-fast",
            {"size": (720, 720)},
            r"clips of the proportions 16:9, 9:16 only, and a film of 720x720 would lose 44 % of",
        ),
        ("kling-v3", {"size": (1080, 400)}, r"pictures of at most 2.5:1, and the film's are 2.7:1"),
        ("veo-3.1-fast", {"num_frames": 193}, "8 s is the longest it makes, choose a shorter slot"),
    ],
)
def test_what_a_model_cannot_do_is_refused(name: str, asked: dict[str, Any], message: str):
    """One sentence says what was asked and what the model can do."""
    with pytest.raises(SpecError, match=message) as error:
        build_inputs(load_catalog()[name], request(**asked), URLS)
    assert error.value.data["model"] == name


def test_a_long_prompt_is_cut_after_a_word():
    """Only for a model with a known limit."""
    prompt = "a cup, " * 400
    assert (
        build_inputs(load_catalog()["veo-3.1-fast"], request(prompt=prompt), URLS)["prompt"]
        == prompt
    )
    sent = build_inputs(load_catalog()["kling-v3"], request(prompt=prompt), URLS)["prompt"]
    assert 2480 < len(sent) <= 2500
    assert prompt.startswith(f"{sent} ") or prompt.startswith(f"{sent}, ")


@pytest.mark.parametrize(
    ("movement", "motion"),
    [
        (None, "none"),
        ("slow push in", "dolly_in"),
        ("truck left, handheld", "dolly_left"),
        ("crane up", "jib_up"),
        ("pan left, then dolly out", "dolly_out"),
        ("pan left", "none"),
        ("locked off", "static"),
    ],
)
def test_camera_words_become_the_models_parameter(movement: str | None, motion: str):
    """The first movement that the model knows; others are left to the prompt."""
    ltx = build_inputs(load_catalog()["ltx-2.3-fast"], request(camera_movement=movement), URLS)
    assert ltx["camera_motion"] == motion
    asked = request(camera_movement=movement)
    seedance = build_inputs(load_catalog()["seedance-1.5-pro"], asked, URLS)
    assert seedance["camera_fixed"] is (motion == "static")


def test_list_inputs_are_lists(extra):
    """The conditioning image and constant inputs may be lists."""
    model = extra(
        "[ltx-video]\ninputs = { layers = [1, 2] }\n"
        'media = { parameter = "images", kind = "image", is_list = true }'
    )["ltx-video"]
    inputs = build_inputs(model, request(), URLS)
    assert (inputs["images"], inputs["layers"]) == ([URL], [1, 2])
