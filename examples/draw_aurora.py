"""Draw the pictures of the example animatic `aurora`: five panels, a style board, the product.

    python examples/draw_aurora.py [--output DIR]

The same pictures come out of every run, byte for byte, with the same Pillow and numpy.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from drawing.board import product, style_board
from drawing.panels import arrival, ember, first_light, northern_light, one_turn
from drawing.sheet import Sheet
from PIL import Image

PANELS: dict[str, tuple[Callable[[Sheet], None], int]] = {
    "01_arrival.jpg": (arrival, 3),
    "02_first_light.jpg": (first_light, 7),
    "03_one_turn.jpg": (one_turn, 9),
    "04_ember.jpg": (ember, 9),
    "05_northern_light.jpg": (northern_light, 5),
}
"""Every panel's file, what draws it, and the seed of its hand."""


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture under a temporary name first, so that no half of it is ever seen."""
    part = path.with_name(f".{path.name}.part")
    if path.suffix == ".jpg":
        picture.save(part, "JPEG", quality=90, subsampling=0, optimize=True)
    else:
        palette = picture.quantize(256, kmeans=2)
        picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(
            part, "PNG", optimize=True
        )
    part.replace(path)


def main() -> None:
    """Draw everything into the animatic's directory, or into `--output`."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the animatic `aurora`.")
    here = Path(__file__).parent / "aurora"
    parser.add_argument("--output", type=Path, default=here, help="where to (default: %(default)s)")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for name, (draw, seed) in PANELS.items():
        sheet = Sheet(seed=seed)
        draw(sheet)
        save(sheet.finished(), output / name)
    board = Sheet(seed=5)
    style_board(board)
    save(board.finished(), output / "style_guide.png")
    still = Sheet((900, 900), seed=3)
    product(still)
    save(still.finished(vignette=0.06, grain=0.02), output / "product.png")


if __name__ == "__main__":
    main()
