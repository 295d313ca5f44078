"""A request to every model of the catalog, against its published schema and the fake Replicate."""

import threading
from pathlib import Path

import pytest

from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.model_inputs import SoundSwitch
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.inputs import MediaUrls, build_inputs
from chunk_assets.generation.replicate.published_schema import check_inputs, unusable_output
from chunk_assets_tests.fake_models import MODELS
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.requests import request
from chunk_assets_tests.generation.replicate.studio import ReplicateStudio

SCHEMAS = {model.name: model.schema for model in MODELS}
NAMES = list(load_catalog())
WITH_END = [name for name, model in load_catalog().items() if model.end_image]
SIZES = {"landscape": (1280, 720), "portrait": (720, 1280)}
PICTURE = "https://example.com/picture"


def films(model: HostedModel):
    """Yield requests for films of several rates, with clips of the model's shortest length."""
    for rate in (1, 24, 25, 60):
        fps = FrameRate(rate)
        frames = max(model.length.shortest(fps).film_frames(fps), 2 * rate)
        yield {"fps": fps, "num_frames": frames}


def test_every_model_has_its_schema():
    """One file each, and none that no model needs."""
    assert {model.replicate for model in load_catalog().values()} == set(SCHEMAS)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_every_request_matches_the_published_schema(name: str, shape: str):
    """With and without an end picture, references and sound, at several rates."""
    model = load_catalog()[name]
    schema = SCHEMAS[model.replicate]
    assert unusable_output(schema) is None
    able = model.abilities
    for film in films(model):
        for with_end in {False, able.end_image}:
            references = (PICTURE,) * able.references
            asked = request(
                size=SIZES[shape],
                end_image=Path("end.png") if with_end else None,
                references=tuple(map(Path, references)),
                **film,
            )
            urls = MediaUrls(PICTURE, PICTURE if with_end else None, references)
            inputs = build_inputs(model, asked, urls)
            assert check_inputs(inputs, schema, name) is True
            assert (model.end_image in inputs) is with_end
            if isinstance(model.sound, SoundSwitch):
                assert inputs[model.sound.parameter] is False
                check_inputs({**inputs, model.sound.parameter: True}, schema, name)


@pytest.mark.parametrize("name", NAMES)
def test_replicate_takes_every_request_and_drops_nothing(
    name: str, fake: FakeReplicate, api: ReplicateApi, still: Path
):
    """Portrait and landscape, with and without an end picture."""
    model = load_catalog()[name]
    url = api.upload(still, "image/png")
    for size in SIZES.values():
        for end in {None, url if model.end_image else None}:
            asked = request(size=size, end_image=still if end else None)
            frames = model.length.shortest(asked.fps).film_frames(asked.fps)
            asked = request(size=size, end_image=asked.end_image, num_frames=frames)
            made = len(fake.created)
            api.create(
                model=model.replicate,
                version=None if model.is_official else fake.models[model.replicate].version,
                inputs=build_inputs(model, asked, MediaUrls(url, end)),
                may_be_created=threading.Event(),
            )
            assert fake.created[made].dropped == {}
            assert (model.end_image in fake.created[made].input) is (end is not None)


def test_portrait_films_are_asked_for_upright():
    """Where the clip does not follow the picture, its proportions are an input."""
    inputs = {
        name: build_inputs(load_catalog()[name], request(size=(720, 1280)), MediaUrls(PICTURE))
        for name in ("veo-3.1-fast", "ltx-2.3-fast", "pixverse-v5.6", "runway-gen-4.5")
    }
    assert {asked["aspect_ratio"] for asked in inputs.values()} == {"9:16"}


@pytest.mark.parametrize("name", WITH_END)
def test_a_clip_costs_the_same_with_an_end_picture_and_is_silent(name: str):
    """The price is that of what is asked for: without sound."""
    model = load_catalog()[name]
    length = model.clip_length(60, FrameRate(24))
    price, resolution = model.price, model.frame_size(length, (1024, 576)).resolution
    assert price.figure(resolution) <= price.figure(resolution, with_sound=True)
    seconds = 1 if price.unit == "clip" else length.seconds
    if price.billed_fps is None:
        expected = price.figure(resolution) * float(seconds)
        assert model.price_usd(length, (1024, 576)) == pytest.approx(expected)


def test_a_clip_is_made_with_all_its_pictures(studio: ReplicateStudio, tmp_path: Path):
    """The end picture and the references are uploaded, sent, and part of what is asked for."""
    asked = studio.request(num_frames=60)
    with_end = type(asked)(**{**vars(asked), "end_image": studio.still})
    with_both = type(asked)(**{**vars(with_end), "references": (studio.still,)})
    for one in (asked, with_end, with_both, with_both):
        studio.generator("kling-o1").generate(one, studio.workdir)
    sent = [made.input for made in studio.fake.created]
    assert [("end_image" in given, "reference_images" in given) for given in sent] == [
        (False, False),
        (True, False),
        (True, True),
    ]
    assert len(studio.fake.files) >= 1 + 2 + 3
    assert sent[2]["end_image"] != sent[2]["start_image"] != sent[2]["reference_images"][0]


def test_a_model_is_added_by_one_table(studio: ReplicateStudio, extra):
    """No code: the fake serves it under another name, and its output is an object."""
    catalog = extra(
        """
[our-model]
replicate = "studio/our-model"
is_official = true
media = { parameter = "start_image", kind = "image" }
end_image = "end_image"
references = { parameter = "reference_images", maximum = 2 }
length = { kind = "seconds", parameter = "duration", choices = [3, 5], fps = 24 }
size = { kind = "resolution", parameter = "mode", options = [{ name = "std", size = [1280, 720] }] }
output = { field = "video" }
price = { unit = "second", usd = 0.5, source = "a bill", date = 2026-11-01 }
"""
    )
    served = studio.fake.models["kwaivgi/kling-o1"]
    ours = type(served)(**{**vars(served), "name": "studio/our-model"})
    studio.fake.models[ours.name] = ours
    studio.fake.outputs[ours.name] = lambda url: {"video": url, "frames": 72}
    studio.fake.output_schemas[ours.name] = {
        "type": "object",
        "properties": {"video": {"type": "string", "format": "uri"}, "frames": {"type": "integer"}},
    }
    clip = studio.generator("our-model", catalog=catalog).generate(
        studio.request(num_frames=60), studio.workdir
    )
    assert clip.path.is_file()
    assert clip.cost_usd == pytest.approx(1.5)
    assert studio.fake.created[0].input["duration"] == 3
