"""A chunk's prompt: the beat's template, filled in, and what the beat and the style add to it."""

import re
from collections.abc import Iterator

from chunk_assets.errors import SpecError
from chunk_assets.schemas import Beat, FilmSpec

MAX_WORDS = 100
"""Video models weigh a long prompt's end little or cut it off; the task list asks for 50-100."""

MIN_WORDS = 50

MAX_CHARACTERS = 2000
"""A hundred words have 600 or 700; a script without spaces, or one endless word, is cut here."""

_READ = 10 * MAX_CHARACTERS
"""What of a filled template is looked at, spaces and line breaks among it."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def build_prompt(film: FilmSpec, beat: Beat) -> str:
    """The beat's prompt: 50-100 words where the material suffices, never over 100 words or
    `MAX_CHARACTERS`.

    The filled template comes first. What it has not said already is added sentence by sentence
    (action, shot, camera, lighting, mood, palette, look, product) until there are 50 words.

    Raises:
        SpecError: The template has an unknown placeholder or a lone brace.
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
    """Put values where the template says `{name}`; `{{` and `}}` are braces.

    A template is data from outside, so unlike `str.format` there is no attribute or index access,
    no conversion and no format specification, and a value is never read as a template itself.

    Raises:
        SpecError: An unknown name, or a brace without its partner; names `where`.
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
    """Every scalar of the manifest by name: `product_*`, `style_*`, and the beat's own fields."""
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
    """Sentences in the order in which a model is helped by them, each with what it says."""
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
