import hashlib
from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.replicate.inputs import (
    MAX_SEED,
    build_inputs,
    request_fingerprint,
    without_media,
)
from chunk_assets_tests.generation.replicate.requests import request

URL = "https://example.com/composite"
PROMPT = {"prompt": "a cup on a table"}

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
}


def test_every_model_of_the_catalog_is_tested_here():
    """A new model needs a line above."""
    assert set(ASKED) == set(load_catalog())


@pytest.mark.parametrize("name", ASKED)
def test_a_model_gets_exactly_its_inputs(name: str):
    """The complete inputs, by the model's own names."""
    assert build_inputs(load_catalog()[name], request(), URL) == ASKED[name] | PROMPT


@pytest.mark.parametrize(("chunk_num", "num_frames"), [(0, 48), (1, 60)])
def test_zeroscope_gets_a_clip_and_no_image(chunk_num: int, num_frames: int):
    """48 or 60 frames at 24 fps, 1024×576, as the task list has it."""
    asked = request(chunk_num=chunk_num, num_frames=num_frames, negative_prompt=None)
    inputs = build_inputs(load_catalog()["zeroscope-v2-xl"], asked, URL)
    expected = ASKED["zeroscope-v2-xl"] | PROMPT | {"num_frames": num_frames}
    del expected["negative_prompt"]
    assert inputs == expected
    assert "image" not in inputs


def test_an_impossible_request_is_refused():
    """A seed of over 31 bits, and a clip that is too long."""
    model = load_catalog()["zeroscope-v2-xl"]
    assert build_inputs(model, request(seed=MAX_SEED), URL)["seed"] == 2147483647
    for seed in (-1, MAX_SEED + 1):
        with pytest.raises(SpecError, match=f"the seed is {seed}: expected 0 to 2147483647"):
            build_inputs(model, request(seed=seed), URL)
    with pytest.raises(SpecError, match="5 s is the longest"):
        build_inputs(model, request(num_frames=121), URL)


def test_a_fingerprint_distinguishes_requests():
    """It depends on every input, the version and the picture, but not on its URL or the order."""
    model = load_catalog()["zeroscope-v2-xl"]
    inputs = build_inputs(model, request(), URL)
    first = request_fingerprint(model, "ab", inputs, "01")
    moved = without_media(model, build_inputs(model, request(), "https://example.com/other"))
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
