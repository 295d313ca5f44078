"""Draw the picture that explains what a chunk starts from: `docs/pictures/continuity.jpg`.

`python docs/draw_continuity.py`
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from chunk_assets.media.compositing import blend_references
from chunk_assets.media.images import open_picture

EXAMPLE = Path(__file__).parents[1] / "examples" / "aurora"
SIZE = (400, 225)
GAP, MARGIN, TITLE, CAPTION = 56, 24, 44, 30
PAPER, INK, GREY = (255, 255, 255), (24, 28, 36), (96, 104, 116)
FONT, SMALL, SIGN = (ImageFont.load_default(size) for size in (22, 17, 34))


def _picture(name: str) -> Image.Image:
    return open_picture(str(EXAMPLE / name), SIZE)


BEFORE, BEAT = _picture("02_first_light.jpg"), _picture("03_one_turn.jpg")
STYLE = _picture("style_guide.png")
CHAIN_LATER = blend_references(BEAT, None, BEAT.resize(SIZE, box=(10, 6, 390, 219)))
CHAIN_FIRST = blend_references(BEAT, None, BEFORE)
SCENE_FIRST = blend_references(BEAT, STYLE, None)


@dataclass(frozen=True)
class Row:
    """One way to start a chunk: its title, and its pictures with captions and signs after them."""

    title: str
    pictures: list[tuple[Image.Image, str, str]]


ROWS = [
    Row(
        "film: each chunk continues from the last frame before (the default)",
        [
            (BEAT.resize(SIZE, box=(10, 6, 390, 219)), "70 % last frame of the chunk before", "+"),
            (BEAT, "30 % picture of the beat", "="),
            (CHAIN_LATER, "inside a beat: nearly the same picture", ""),
        ],
    ),
    Row(
        "film, where a beat begins",
        [
            (BEFORE, "70 % last frame of the chunk before", "+"),
            (BEAT, "30 % picture of the new beat", "="),
            (CHAIN_FIRST, "the chunk starts from both: a double exposure", ""),
        ],
    ),
    Row(
        "scene: the chain starts again after a cut",
        [
            (BEAT, "70 % picture of the beat", "+"),
            (STYLE, "30 % style guide", "="),
            (SCENE_FIRST, "the scene starts from both, as chunk 0 does", ""),
        ],
    ),
    Row(
        "keyframes: each picture is reached by one chunk, and the next one starts from it",
        [
            (BEFORE, "the chunk before starts from its picture", ">"),
            (BEAT, "and ends on the picture of the beat,", ">"),
            (BEAT, "from which the next chunk starts: unblended", ""),
        ],
    ),
]


def main() -> None:
    """Write the picture."""
    width, height = SIZE
    row_height = TITLE + height + CAPTION + MARGIN
    sheet = Image.new(
        "RGB", (2 * MARGIN + 3 * width + 2 * GAP, MARGIN + len(ROWS) * row_height), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(ROWS):
        top = MARGIN + number * row_height
        draw.text((MARGIN, top + 6), row.title, INK, FONT)
        for column, (picture, caption, sign) in enumerate(row.pictures):
            left = MARGIN + column * (width + GAP)
            sheet.paste(picture, (left, top + TITLE))
            draw.text((left, top + TITLE + height + 6), caption, GREY, SMALL)
            middle = (left + width + GAP // 2, top + TITLE + height // 2)
            draw.text(middle, sign, INK, SIGN, anchor="mm")
    sheet.save(Path(__file__).parent / "pictures" / "continuity.jpg", quality=86)


if __name__ == "__main__":
    main()
