"""A generator that stands for another one answers all questions as that one does."""

from chunk_assets.generation.base import Generator
from chunk_assets.generation.preview import PreviewGenerator
from chunk_assets.generation.wrapped import Wrapped


class Plain(Wrapped):
    """Adds nothing."""

    generate = PreviewGenerator.generate


def test_no_question_is_left_to_the_defaults():
    """A new member of the interface must be answered by the generator inside, too."""
    answered = {*vars(Wrapped), *vars(Plain(PreviewGenerator())), "generate"}
    asked = {name for name in vars(Generator) if not name.startswith("_")}
    assert asked | {"name"} <= answered


def test_it_says_what_the_generator_inside_says():
    """The limit on what is rendered at once depends on whether clips are made on this machine."""
    inside = PreviewGenerator()
    stands = Plain(inside)
    names = ("name", "pool", "runs_here", "keeps_ledger", "model", "is_paid", "abilities", "offer")
    assert [getattr(stands, name) for name in names] == [getattr(inside, name) for name in names]
