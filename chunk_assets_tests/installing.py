"""Install packages for a test as pip does."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install packages as pip does: a name, an entry point, and a module's text."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    known = set(sys.modules)

    def put(package: str, entry: str, text: str = "") -> None:
        info = site / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[chunk_assets.generators]\n{entry}\n")
        if text:
            (site / f"{package}.py").write_text(text)

    yield put
    for name in set(sys.modules) - known:
        if name.startswith("plug_"):
            del sys.modules[name]
