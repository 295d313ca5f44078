"""Generators of other packages, found by their entry points.

A package offers a generator by an entry point of the group `chunk_assets.generators`: its name is
the generator's, its value a function that takes a `GenerationContext` and returns a `Generator`.
Nothing of a package is imported before its generator is chosen.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points

from chunk_assets.errors import SpecError
from chunk_assets.generation.base import Generator
from chunk_assets.generation.context import GenerationContext
from chunk_assets.sentences import shown

GROUP = "chunk_assets.generators"

Builder = Callable[[GenerationContext], Generator]


class InstalledGenerators(Mapping[str, Builder]):
    """The built-in generators, and those of installed packages, by name.

    A built-in generator cannot be replaced. Packages are looked for whenever
    another name is asked for, so that a process that runs for long finds new ones.
    """

    def __init__(self, built_in: Mapping[str, Builder]):
        self._built_in = built_in

    def __getitem__(self, name: str) -> Builder:
        """Return what builds a generator; a package is imported when that is called."""
        if name in self._built_in:
            return self._built_in[name]
        offered = self._plugins[name]
        return lambda context: _built(name, offered, context)

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        yield from self._built_in
        yield from (name for name in self._plugins if name not in self._built_in)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        """Return whether there is one; for a built-in one, no package is looked for."""
        return name in self._built_in or name in self._plugins

    @property
    def _plugins(self) -> dict[str, list[EntryPoint]]:
        found: dict[str, list[EntryPoint]] = {}
        for entry in sorted(entry_points(group=GROUP), key=lambda one: (one.name, _package(one))):
            found.setdefault(entry.name, []).append(entry)
        return found


def _built(name: str, offered: list[EntryPoint], context: GenerationContext) -> Generator:
    """Import a package, and build its generator.

    Raises:
        SpecError: Two packages offer it, or it cannot be imported or built.
    """
    packages = list(dict.fromkeys(map(_package, offered)))
    if len(packages) > 1:
        raise SpecError(
            f"the generator {name!r} is offered by the packages {' and '.join(packages)}: "
            "uninstall all but one"
        )
    entry = offered[0]
    where = f"the generator {name!r} of the package {packages[0]}"
    try:
        build = entry.load()
    except (Exception, SystemExit) as error:  # whatever a package does when it is imported
        raise SpecError(
            f"{where} cannot be used: importing {entry.value!r} failed ({_told(error)}); the other "
            "generators work"
        ) from error
    try:
        generator = build(context)
    except SpecError:
        raise
    except Exception as error:
        raise SpecError(f"{where} cannot be set up: {_told(error)}") from error
    if not isinstance(generator, Generator):
        kind = type(generator).__name__
        raise SpecError(f"{where} cannot be used: {entry.value!r} returns {kind}, not a Generator")
    if generator.name != name:
        other = shown(repr(generator.name), 60)
        generator.close()
        raise SpecError(f"{where} cannot be used: it calls itself {other}; both must be the same")
    return generator


def _package(entry: EntryPoint) -> str:
    return shown(entry.dist.name if entry.dist else "?", 80)


def _told(error: BaseException) -> str:
    return shown(f"{type(error).__name__}: {error}", 300)
