"""Prompts: templates are data, and a prompt has 50 to 100 words where the material suffices."""

from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.planning.prompts import build_prompt, fill_template
from chunk_assets.schemas import read_animatic
from chunk_assets_tests.manifests import manifest


def prompt(template: str, **changes: Any) -> str:
    """The prompt of the first beat with this template."""
    document = manifest(**changes)
    document["beats"][0]["prompt_template"] = template
    animatic = read_animatic(document)
    return build_prompt(animatic, animatic.beats[0])


def test_placeholders_are_filled_from_the_manifest():
    """Product, style and beat values stand in for their names."""
    text = prompt(
        "{product_name}, a {product_category}: {style_aesthetic}, {shot_type}, {beat_name}"
    )
    assert text.startswith("Lumen One, a lamp: watercolour, wide shot, opening")


def test_a_template_of_the_manifests_own_fields_is_filled():
    """A field that the manifest brings itself can be used, too."""
    product = {"name": "Lumen One", "tagline": "Light, folded"}
    assert prompt("{product_tagline}.", product=product).startswith("Light, folded.")


@pytest.mark.parametrize(
    "template",
    [
        "{product_name.__class__}",
        "{product_name[0]}",
        "{product_name!r}",
        "{product_name:>99999999}",
        "{}",
        "{0}",
        "{nobody}",
    ],
)
def test_a_template_is_data_and_never_a_program(template: str):
    """Attribute access, indexing, conversion and formats are unknown names."""
    with pytest.raises(SpecError, match="unknown placeholder") as caught:
        prompt(template)
    assert "product_name" in str(caught.value)
    assert "'opening'" in str(caught.value)


@pytest.mark.parametrize("template", ["{product_name", "product_name}", "a { b", "}{"])
def test_a_lone_brace_is_named(template: str):
    """A brace without its partner is an error that says how to write one."""
    with pytest.raises(SpecError, match=r"write '\{\{' or '\}\}'|unknown placeholder"):
        prompt(template)


def test_doubled_braces_are_braces():
    """`{{` and `}}` stand for themselves."""
    assert fill_template("{{a}} {x}", {"x": "1"}, where="b") == "{a} 1"


def test_values_are_not_templates():
    """A value with braces in it is not filled in again."""
    assert fill_template("{a}", {"a": "{b}", "b": "no"}, where="b") == "{b}"


def test_a_short_template_is_extended_by_what_beat_and_style_say():
    """Action, shot, camera, light, mood, palette and look are added in that order."""
    text = prompt("A lamp")
    parts = ["A lamp.", "Someone does the opening.", "Shot: wide shot.", "Camera: static."]
    parts += ["Lighting: soft dawn light.", "Mood: calm.", "Color palette: teal, amber."]
    assert text.startswith(" ".join(parts))


def test_what_the_template_said_is_not_said_again():
    """A value that the text holds already is not added."""
    text = prompt("A calm lamp in soft dawn light, wide shot")
    assert "Mood:" not in text
    assert "Lighting:" not in text


def test_a_prompt_stops_growing_at_fifty_words():
    """A template of fifty words or more is left as it is."""
    template = " ".join(["word"] * 50)
    assert prompt(template) == template


def test_a_prompt_never_has_over_a_hundred_words():
    """A long template is cut at a word, without a dangling comma."""
    text = prompt(", ".join(f"w{n}" for n in range(300)))
    assert len(text.split()) == 100
    assert text.endswith("w99")


def test_a_huge_value_does_not_grow_the_prompt():
    """The cut holds for values, too."""
    text = prompt("{action}", product={"name": "x"})
    assert text.startswith("Someone does")
    document = manifest()
    document["beats"][0]["action"] = "go " * 100_000
    animatic = read_animatic(document)
    assert len(build_prompt(animatic, animatic.beats[0]).split()) <= 100
