"""A user's model file: what it adds and overrides, and the errors in it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.catalog import COST_ZEROSCOPE_VIDEO, load_catalog

SIZE = (1024, 576)
BUILT_IN = list(load_catalog())

OWN = """
["own-1.0"]
replicate = "owner/own"
is_official = true
media = { parameter = "image", kind = "image" }
length = { kind = "fixed", seconds = 5.04, fps = 25 }
size = { kind = "image" }
price = { unit = "clip", usd = 1, source = "a bill", date = 2026-11-01 }
"""


def test_a_users_file_adds_a_model_and_overrides_fields(extra):
    """Fields that it omits stay; a length of another kind replaces the whole old one."""
    catalog = extra(
        OWN + "[zeroscope-v2-xl]\ninputs = { init_weight = 0.7 }\nsize = { maximum_pixels = 65536 }"
        '\n[ltx-video]\nlength = { kind = "fixed", seconds = 4, fps = 24 }'
    )
    assert list(catalog) == [*BUILT_IN, "own-1.0"]
    assert catalog["own-1.0"].clip_length(126, FrameRate(25)).frames == 126
    assert not catalog["own-1.0"].price.is_estimate
    changed, before = catalog["zeroscope-v2-xl"], load_catalog()["zeroscope-v2-xl"]
    assert changed.inputs == {"init_weight": 0.7, "model": "xl"}
    assert changed.frame_size(changed.clip_length(48, FrameRate(24)), SIZE).picture == (256, 256)
    assert changed.model_copy(update={"inputs": before.inputs, "size": before.size}) == before
    assert catalog["ltx-video"].clip_length(60, FrameRate(24)).inputs == {}
    assert load_catalog()["ltx-video"].clip_length(60, FrameRate(24)).inputs == {"length": 97}


def test_a_users_price_has_its_own_source(extra):
    """Its source is the file and its date today, unless the file says otherwise; the unit stays."""
    catalog = extra(
        '["wan-2.2-i2v-fast".price]\nusd = { 480p = 0.01, 720p = 0.02 }\n'
        "[ltx-video.price]\nusd = 0.5\nis_estimate = true\n"
        "[zeroscope-v2-xl.price]\nis_estimate = false\n"
    )
    wan = catalog["wan-2.2-i2v-fast"].price
    assert (wan.unit, wan.billed_fps, wan.is_estimate, wan.source) == (
        "second",
        16,
        False,
        "own.toml",
    )
    assert abs((datetime.now(UTC).date() - wan.date).days) <= 1
    assert catalog["ltx-video"].price.is_estimate
    assert catalog["zeroscope-v2-xl"].price.usd == COST_ZEROSCOPE_VIDEO


def test_the_example_in_the_documentation_can_be_used(extra):
    """It changes an input, sets a price, adds a model and retires one."""
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    catalog = extra(page.split("```toml\n")[1].split("```")[0])
    assert catalog["zeroscope-v2-xl"].inputs == {"init_weight": 0.7, "model": "xl"}
    assert not catalog["wan-2.2-i2v-fast"].price.is_estimate
    assert list(catalog) == [*(name for name in BUILT_IN if name != "ltx-video"), "kling-v2.1"]
    assert catalog.retired["ltx-video"].retired.successors == ("ltx-2.3-fast",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ltx", r"own.toml' is not TOML \(Expected"),
        (b"\xff\xfe", r"own.toml' is not TOML \('utf-8'"),
        ("ltx-video = 3", "ltx-video is 3: every entry must be a model's table"),
        ("[ltx-video]\nlenght = 3", r"own.toml', table \[ltx-video\]: lenght is unknown"),
        ("[ltx-video.price]\nusd = -1", r"price.usd\S* is -1: .*greater than or equal to 0"),
        ("[ltx-video.price]\nusd = nan", "price.usd"),
        ("[ltx-video]\nlength = 3", "length is 3"),
        ('[ltx-video]\nlength = { kind = "x" }', r"length.kind is 'x': expected 'range', 'fr"),
        ("[ltx-video.length]\nfps = 0", "length.fps is 0: input should be greater"),
        ('["wan-2.2-i2v-fast".length]\nnative_fps = 0', "length.native_fps is 0: input should be"),
        ("[ltx-video.length]\nnative_fps = 24", "length.native_fps is unknown"),
        ('[ltx-video]\nlength = { kind = "fixed", fps = 24 }', "length.seconds is missing"),
        ('["wan-2.2-i2v-fast".length]\nframes = [9, 2]', r"length: frames is \[9, 2\]"),
        ('[ltx-video]\nversion = "latest"', "version is 'latest': string should match"),
        ('[ltx-video]\nreplicate = "ltx"', "replicate is 'ltx'"),
        ('[ltx-video]\nseed = "prompt"', "the input 'prompt' has two meanings"),
        ("[ltx-video]\ninputs = { seed = 3 }", "the input 'seed' has two meanings"),
        ('[ltx-video]\nname = "x"', "name is unknown"),
        (
            '["wan-2.2-i2v-fast".price]\nusd = { 480p = 1.0 }',
            r"resolutions \['480p'\], and size has \['480p', '720p'\]",
        ),
        ("[new]\nis_official = true", r"table \[new\]: replicate is missing \(and 4 more\)"),
        ("[wan-9.1]\nis_official = true", r"in quotes, \['wan-9\.1'\]"),
        ('["a/b"]\nreplicate = "a/b"', "the name must be 1 to 64 letters"),
        ("[zeroscope-v2-xl.size]\nmultiple = 3", "size.multiple is 3"),
        ("format = 3", r"own.toml' has the format 3: this version reads 1 and 2"),
        ('[ltx-video]\nsound = "loud"', "sound is 'loud': input should be 'never', 'always' or 'u"),
        ('[ltx-video]\nsound = { parameter = "seed" }', "the input 'seed' has two meanings"),
        ("[ltx-video]\nreferences = 3", "references is 3: expected a table"),
        ('[ltx-video.camera]\nparameter = "x"\nwords = { whirl = 1 }', "the movement 'whirl': exp"),
        (
            "[ltx-video.price]\nusd_with_sound = { hd = 1 }",
            "usd_with_sound must be for the same re",
        ),
        ("[ltx-video.picture]\nminimum_side = 9\nmaximum_side = 8", "maximum_side"),
        ("[kling-v3.length]\nfps_choices = [24]", "fps_parameter and fps_choices belong together"),
        (
            '["veo-3.1-fast".size]\naspect = { parameter = "a", choices = ["wide"] }',
            "aspect.choices",
        ),
        ("[ltx-video]\nretired = { date = 2026-01-01, successors = [] }", "retired.successors is "),
    ],
)
def test_errors_in_a_file_are_one_sentence(extra, text, message):
    """The error names the file, the table and the field, on one line."""
    with pytest.raises(SpecError, match=message) as error:
        extra(text)
    assert "own.toml'" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_may_name_its_format(extra):
    """Both formats are read; without a name, it is the newest."""
    for line in ("format = 1\n", "format = 2\n", ""):
        catalog = extra(f"{line}[ltx-video]\nsound = 'always'")
        assert list(catalog) == BUILT_IN
        assert catalog["ltx-video"].abilities.sound == "always"


def test_an_unreadable_file_is_one_sentence(tmp_path: Path):
    """It is missing, a directory, or far too large."""
    with pytest.raises(SpecError, match=r"none\.toml' cannot be read: it does not exist"):
        load_catalog(tmp_path / "none.toml")
    with pytest.raises(SpecError, match="cannot be read: it is not a file"):
        load_catalog(tmp_path)
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (2 << 20))
    with pytest.raises(SpecError, match="is too large"):
        load_catalog(large)
