"""Generators of other packages: found by entry points, imported when chosen, harmless if broken."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from chunk_assets.errors import SpecError, Unavailable
from chunk_assets.film.objects import FilmObjects
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.job_policy import JobPolicy
from chunk_assets.generation.jobs import JobGenerator, JobState
from chunk_assets.generation.plugins import InstalledGenerators
from chunk_assets.generation.preview import PreviewGenerator
from chunk_assets.generation.registry import build_generator, check_generator, choose_generator
from chunk_assets.media.images import save_png
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.generation.replicate.requests import request
from chunk_assets_tests.installing import Install


def generators() -> InstalledGenerators:
    """What is installed now, beside the preview."""
    return InstalledGenerators({"preview": lambda _context: PreviewGenerator()})


@pytest.fixture
def context(store: ObjectStore, settings: Settings) -> GenerationContext:
    """A film's context."""
    return GenerationContext("film", settings, FilmObjects(store, "film").ledger())


def test_a_generator_of_another_package_is_found_by_its_name(
    install: Install, context: GenerationContext
):
    """Its module is imported when it is chosen, not before; a built-in one stays."""
    install("plug_one", "one = plug_one:build", "from plug_two import build")
    text = "from chunk_assets.generation.preview import PreviewGenerator\n"
    text += "class Two(PreviewGenerator):\n    name = 'one'\ndef build(context):\n    return Two()"
    install("plug_two", "preview = plug_two:build", text)
    found = generators()
    assert sorted(found) == ["one", "preview"]
    assert "plug_one" not in sys.modules
    check_generator("one", found)
    assert build_generator("one", context, found).name == "one"
    assert type(build_generator("preview", context, found)) is PreviewGenerator


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_module", "importing 'plug_bad:build' failed .ModuleNotFoundError: "),
        ("raise SystemExit(3)", "importing 'plug_bad:build' failed .SystemExit: 3"),
        ("x = 1", "importing 'plug_bad:build' failed .AttributeError"),
        ("def build(context): return 3", "returns int, not a Generator"),
        ("def build(context): raise KeyError('x')", "cannot be set up: KeyError: 'x'"),
        (
            "from chunk_assets.generation.preview import PreviewGenerator\n"
            "def build(context): return PreviewGenerator()",
            "it calls itself 'preview'; both must be the same",
        ),
    ],
)
def test_a_package_that_is_broken_leaves_the_others(
    install: Install, context: GenerationContext, text: str, reason: str
):
    """One sentence with the package's name, when its generator is chosen."""
    install("plug_bad", "bad = plug_bad:build", text)
    found = generators()
    with pytest.raises(SpecError, match=f"'bad' of the package plug_bad .*{reason}") as raised:
        choose_generator("bad", context, found)
    assert "\n" not in str(raised.value)
    assert build_generator("preview", context, found)


def test_two_packages_with_one_name(install: Install, context: GenerationContext):
    """Neither is taken."""
    install("plug_a", "same = plug_a:build", "")
    install("plug_b", "same = plug_b:build", "")
    with pytest.raises(SpecError, match="offered by the packages plug_a and plug_b: uninstall"):
        build_generator("same", context, generators())


class CarelessGenerator(JobGenerator):
    """Raises whatever it likes."""

    name = "careless"

    @property
    def model(self) -> str:
        return "careless/1"

    def submit(self, request, workdir, key):
        raise KeyError("token-abc")

    def job(self, job_id: str) -> JobState:
        raise KeyError("token-abc")

    def save_clip(self, job_id, path):
        raise KeyError("token-abc")

    def cancel(self, job_id: str) -> None:
        raise KeyError("token-abc")


def test_an_error_of_a_generators_own_is_a_lost_answer(context: GenerationContext, tmp_path: Path):
    """A job may exist after it; its text, which may have a secret, is not told."""
    still = save_png(Image.new("RGB", (128, 72)), tmp_path / "still.png")
    made = CarelessGenerator(context, JobPolicy(first_poll_seconds=0.01))
    with pytest.raises(Unavailable, match=r"failed 3 times .* raised KeyError") as raised:
        made.generate(request(conditioning_image=still, size=(128, 72)), tmp_path)
    assert "token-abc" not in str(raised.value)
    assert [one.status for one in context.ledger.chunk(1).attempts] == ["unknown"] * 3
