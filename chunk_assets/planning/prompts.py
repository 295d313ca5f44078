"""Prompts: the beat's template, filled in and extended from the beat, the style and the product."""

import re
from collections.abc import Iterator

from chunk_assets.errors import SpecError
from chunk_assets.schemas import Beat, FilmSpec

MAX_WORDS = 100
"""Video models give little weight to the end of a long prompt, or cut it off."""

MIN_WORDS = 50

MAX_CHARACTERS = 2000
"""A hundred words have 600 to 700 letters; this cuts scripts without spaces, and endless words."""

_READ = 10 * MAX_CHARACTERS
"""How many characters of a filled template are read, including spaces and line breaks."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def build_prompt(film: FilmSpec, beat: Beat) -> str:
    """Return the beat's prompt, of at most `MAX_WORDS` words and `MAX_CHARACTERS` characters.

    The filled template comes first. Sentences on what it does not mention (action, shot, camera,
    lighting, mood, palette, look, product) are added until there are `MIN_WORDS` words.

    Raises:
        SpecError: The template has an unknown placeholder or an unmatched brace.
    """
    values = _placeholders(film, beat)
    filled = fill_template(beat.prompt_template, values, where=beat.name)
    text = " ".join(filled[:_READ].split())
    for sentence, said in _additions(film, beat):
        if len(text.split()) >= MIN_WORDS:
            break
        if said.lower() not in text.lower():
            text = f"{_closed(text)} {sentence}".strip()
    words = text.split()
    if len(words) <= MAX_WORDS and len(text) <= MAX_CHARACTERS:
        return text
    return " ".join(words[:MAX_WORDS])[:MAX_CHARACTERS].rstrip(",;:–- ")


def fill_template(template: str, values: dict[str, str], *, where: str) -> str:
    """Replace each `{name}` in a template by its value; `{{` and `}}` are braces.

    Templates are untrusted. Unlike `str.format`, this has no attribute or index access, conversion
    or format specification, and values are never read as templates.

    Raises:
        SpecError: A name is unknown, or a brace is unmatched; the error names `where`.
    """

    def replace(match: re.Match[str]) -> str:
        token = match.group(0)
        if token in ("{{", "}}"):
            return token[0]
        name = match.group(1)
        if name is None:
            raise SpecError(
                f"the prompt_template of beat {where!r} has a lone {token!r}: "
                "write '{{' or '}}' for a brace"
            )
        if name not in values:
            raise SpecError(
                f"the prompt_template of beat {where!r} has the unknown placeholder "
                f"'{{{name}}}': known are {', '.join(sorted(values))}",
                placeholder=name,
            )
        return values[name]

    return _TOKEN.sub(replace, template)


def _placeholders(film: FilmSpec, beat: Beat) -> dict[str, str]:
    """Return the manifest's scalars by name: `product_*`, `style_*`, and the beat's own fields."""
    groups = {"product": film.product, "style": film.style}
    values = {
        f"{prefix}_{name}": value
        for prefix, group in groups.items()
        for name, value in _scalars(group.model_dump())
    }
    values |= {
        name: value for name, value in _scalars(beat.model_dump()) if name != "prompt_template"
    }
    values["beat_name"] = values.pop("name")
    values["camera_movement"] = beat.camera_movement or ""
    return values


def _scalars(fields: dict[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            text = f"{value:g}" if isinstance(value, float) else str(value)
            yield name, text[:MAX_CHARACTERS]


def _additions(film: FilmSpec, beat: Beat) -> Iterator[tuple[str, str]]:
    """Yield sentences, the most helpful to a model first, each with the text it is about."""
    style, product = film.style, film.product
    candidates = [
        (beat.action, "{}."),
        (beat.shot_type, "Shot: {}."),
        (beat.camera_movement or "", "Camera: {}."),
        (style.lighting, "Lighting: {}."),
        (style.mood, "Mood: {}."),
        (style.color_palette, "Color palette: {}."),
        (style.aesthetic, "Style: {}."),
        (product.name, "Product: {}."),
        (product.category, "Category: {}."),
    ]
    for said, sentence in candidates:
        said = " ".join(said.split()).rstrip(".")
        if said:
            yield sentence.format(said[:1].upper() + said[1:] if sentence == "{}." else said), said


def _closed(text: str) -> str:
    return text if not text or text[-1] in ".!?…" else f"{text}."
