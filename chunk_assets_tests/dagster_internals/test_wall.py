"""The wall: Dagster's private modules are named only in `dagster_internals/`, with a reason."""

import ast
import re
from pathlib import Path

import pytest

import chunk_assets

PACKAGE = Path(chunk_assets.__file__).parent
ROOM = PACKAGE / "dagster_internals"

PRIVATE = re.compile(r"(?<![\w.])dagster(_\w+)?(\.[a-z]\w*)*\._[a-z]")
"""A private module of Dagster or of one of its libraries, as code, YAML or a command names it."""


def private_imports(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    """The imports of private modules, and of private names from public ones."""
    found: list[ast.Import | ast.ImportFrom] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        if any(map(PRIVATE.search, names)):
            found.append(node)
    return found


def violations(source: str) -> list[str]:
    """Each place that names a private module of Dagster, in an import or in a text."""
    tree = ast.parse(source)
    found = [f"line {node.lineno}: {ast.unparse(node)}" for node in private_imports(tree)]
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    for node in texts:
        if isinstance(node.value, str) and PRIVATE.search(node.value):
            found.append(f"line {node.lineno}: {node.value.strip()[:80]!r}")
    return found


def unexplained(source: str) -> list[str]:
    """The private imports without a comment that says what breaks when the module moves."""
    lines, tree = source.splitlines(), ast.parse(source)
    is_explained_above = "Breaks when" in (ast.get_docstring(tree) or "")
    explained: set[int] = set()
    found = []
    for node in sorted(private_imports(tree), key=lambda node: node.lineno):
        before = node.lineno - 1
        while before > 0 and lines[before - 1].lstrip().startswith("#"):
            before -= 1
        comment = " ".join(lines[before : node.lineno - 1])
        # One comment serves the imports that follow it without an empty line.
        if is_explained_above or "Breaks when" in comment or node.lineno - 1 in explained:
            explained.add(node.end_lineno or node.lineno)
        else:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "from dagster._core.instance.ref import InstanceRef",
        "import dagster._check as check",
        "def late():\n    from dagster._core.events import DagsterEvent",
        "from dagster import _check",
        "from dagster_shared._core import x",
        "from dagster_graphql.client._core import x",
        "COMMAND = ['-m', 'dagster._daemon', 'run']",
        "CONFIG = '''\nmodule: dagster._core.launcher\n'''",
        "import_module(f'dagster._core.{name}')",
    ],
)
def test_the_rule_finds_private_modules(source: str):
    """An import at the top, inside a function, of a library, and a name in a text are all found."""
    assert violations(source)


@pytest.mark.parametrize(
    "source",
    [
        "import dagster as dg",
        "from dagster_aws.s3 import S3Resource",
        "from chunk_assets.dagster_internals._x import y",
        "MODULE = 'dagster.core.run_coordinator'",
    ],
)
def test_the_rule_leaves_public_modules_alone(source: str):
    """What Dagster exports may be imported anywhere."""
    assert not violations(source)


def test_the_rule_asks_for_a_reason():
    """An import without a comment is found; one comment may serve several imports."""
    bare = "from dagster._core.events import A\n"
    reason = "# Breaks when moved: nothing works.\n"
    assert unexplained(bare)
    assert not unexplained(reason + bare)
    assert not unexplained(reason + bare + bare)
    assert unexplained(reason + bare + "\n" + bare)
    assert unexplained("# A comment.\n" + bare)


def test_only_dagster_internals_names_private_modules():
    """Everything else uses Dagster's public API, or a module of `dagster_internals`."""
    outside = [path for path in sorted(PACKAGE.rglob("*.py")) if ROOM not in path.parents]
    assert len(outside) > 100
    found = {path.name: violations(path.read_text()) for path in outside}
    assert {name: places for name, places in found.items() if places} == {}


def test_each_private_import_says_what_breaks():
    """An engineer who upgrades Dagster reads beside the import what depends on it."""
    found = {path.name: unexplained(path.read_text()) for path in sorted(ROOM.glob("*.py"))}
    assert {name: places for name, places in found.items() if places} == {}


def test_no_deployment_file_names_a_private_module():
    """Files that users copy must outlive an upgrade of Dagster."""
    files = [path for path in (PACKAGE.parent / "deploy").rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if PRIVATE.search(path.read_text())] == []
