"""`page`: all there is of a film in one file."""

from pathlib import Path

import pytest

from chunk_assets_tests.cli.commands import done, sentence
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow


def test_a_films_page_is_written_here_and_on_s3(animatic: Animatics, desk: Path):
    """It lies in the current directory, names each chunk, and `status` says where it is stored."""
    done("render", animatic(), "-o", "film.mp4")
    assert "Its page" not in done("status", "film").stdout
    said = done("page", "film").stdout
    assert said.startswith("film.html: ")
    page = (desk / "film.html").read_text()
    assert page.count('src="data:video/mp4') == 4  # the film, and its three clips
    uri = said.split()[-1]
    assert f"Its page: {uri}" in done("status", "film").stdout
    assert done("status", "film", "--json").document["page_url"] == uri


def test_a_film_that_is_not_there_has_no_page(desk: Path):
    """It is a sentence, and no file is left."""
    assert "there is no animatic 'film'" in sentence("page", "film")
    assert list(desk.iterdir()) == []
