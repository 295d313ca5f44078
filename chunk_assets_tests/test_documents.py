"""The documents: what they name exists, and their tables say what the code says."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import AliasChoices

from chunk_assets.checks import results
from chunk_assets.cli.main import main as cli
from chunk_assets.defs.runs.config import ChunkConfig
from chunk_assets.limits import Limits
from chunk_assets.schemas import Animatic, Beat
from chunk_assets.settings import Settings

REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for folder in ("*.md", "docs/**/*.md", "deploy/**/*.md", "benchmarks/*.md", ".github/**/*.md")
    for path in REPOSITORY.glob(folder)
)

_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
_PATH = re.compile(r"`([\w./-]+/|[\w./-]+\.(?:py|toml|md|yaml|svg|txt|json|css|js))`")
_STORED = (
    "animatic.json",
    "server.json",
    "dagster.yaml",
    "own.toml",
    "output.json",
    "take.json",
    "choices.json",
)
"""Files of a home, an animatic or a bucket."""


def text_of(document: str) -> str:
    """Return a document as it is."""
    return (REPOSITORY / document).read_text(encoding="utf-8")


def prose_of(document: str) -> str:
    """Return a document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text_of(document), flags=re.DOTALL | re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def first_cells(document: str, after: str) -> list[str]:
    """Return what is in backquotes in the first column of the first table after a sentence."""
    rows = text_of(document).split(after, 1)[1].split("\n|", 1)[1].split("\n\n")[0].splitlines()
    return [name for row in rows[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def load(path: Path) -> ModuleType:
    """Import a script by its path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    """Every relative link names a file of the repository and, after `#`, one of its headings."""
    missing = []
    for link in ("".join(found) for found in _LINK.findall(prose_of(document))):
        name, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (REPOSITORY / document).parent / name if name else REPOSITORY / document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_files_exist(document):
    """Every file in backquotes is in the repository, or a room's; ARCHITECTURE names the latter."""
    roots = [REPOSITORY, REPOSITORY / "chunk_assets", (REPOSITORY / document).parent]
    missing = [
        name
        for name in _PATH.findall(prose_of(document))
        if not name.startswith((".", "/"))
        and "…" not in name
        and name not in _STORED
        and not any((root / name).exists() for root in roots)
    ]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_exist(document):
    """Every `chunk-assets X` names a command, and every option after it is one of its options."""
    wrong = []
    for name, rest in re.findall(r"chunk-assets ([a-z]+)([^`\n#]*)", text_of(document)):
        words = rest.split()
        command = cli.commands.get(name)
        if command is None:
            wrong.append(name)
            continue
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        wrong += [word for word in words if word.startswith("--") and word not in options]
    assert not wrong


def test_the_readme_lists_every_setting():
    """Its table has the variable of each field of `Settings`, except the one `dev` sets itself."""
    names = set()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names |= {str(choice) for choice in alias.choices}
        elif name != "fork_server":
            group = "__…" if name in ("limits", "quality") else ""
            names.add(str(alias or f"CHUNK_ASSETS_{name.upper()}{group}"))
    assert set(first_cells("README.md", "All settings are environment variables.")) == names


def test_the_readme_lists_every_limit():
    """Its table has each limit with its default."""
    table = text_of("README.md").split("### Limits", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d,]+) \|$", table, re.MULTILINE)
    assert {name: float(value.replace(",", "")) for name, value in rows} == Limits().model_dump()


def test_the_readme_lists_every_field_of_a_manifest():
    """Its tables have each field of a manifest and of a beat."""
    assert set(first_cells("README.md", "the pictures that the manifest names")) >= set(
        Animatic.model_fields
    )
    assert set(first_cells("README.md", "Each beat has these fields")) >= set(Beat.model_fields)


def test_the_guide_to_dagit_lists_every_config_and_check():
    """Its tables have each field of a run's config, and each check."""
    assert set(first_cells("docs/dagit.md", "keep clips whose inputs")) >= set(
        ChunkConfig.model_fields
    )
    checks = {*results.CLIP_CHECKS, *results.FILM_CHECKS, *results.ANIMATIC_CHECKS}
    assert set(first_cells("docs/dagit.md", "## Checks")) == checks


def test_the_picture_of_the_rooms_is_current():
    """`python docs/draw_rooms.py` would change nothing."""
    script = load(REPOSITORY / "docs" / "draw_rooms.py")
    assert script.PICTURE.read_text(encoding="utf-8") == script.draw()


def test_the_table_of_models_is_current():
    """`python docs/price_models.py` would change nothing."""
    script = load(REPOSITORY / "docs" / "price_models.py")
    assert script.page_with(script.table()) == script.PAGE.read_text(encoding="utf-8")


def test_the_lock_file_fits_the_project():
    """Each dependency of the tests is pinned to a version that pyproject.toml allows."""
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        Requirement(text)
        for text in [
            *project["dependencies"],
            *extras["test"],
            *extras["local"],
            *extras["cluster"],
        ]
    ]
    lines = [line for line in text_of("requirements-ci.txt").splitlines() if line[0] not in "# "]
    pinned = [Requirement(line) for line in lines]
    assert not [line for line in lines if "/" in line or "@" in line]  # no host, no local path
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        versions = [next(iter(pin.specifier)).version for pin in pinned if pin.name == name]
        assert name == "chunk-assets" or versions, name
        assert all(requirement.specifier.contains(version) for version in versions), name
