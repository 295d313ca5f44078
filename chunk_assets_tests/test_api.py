"""The public Python API: what `import chunk_assets` gives."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chunk_assets
from chunk_assets.errors import MediaError, NotStored, OverBudget, SpecError
from chunk_assets.film.plan import plan_film
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import small_manifest, write_animatic

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs" / "python.md"


def test_importing_it_loads_nothing_heavy():
    """A program that only asks for the version loads neither Dagster nor a media library."""
    code = (
        "import sys, chunk_assets; print(chunk_assets.__version__);"
        "print(sorted({'dagster', 'boto3', 'av', 'PIL', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    version, loaded = ended.stdout.splitlines()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert loaded == "[]"


def test_each_public_name_is_there():
    """What `__all__` names can be had, is listed by `dir`, and is on the documentation's page."""
    page = PAGE.read_text(encoding="utf-8")
    for name in chunk_assets.__all__:
        assert getattr(chunk_assets, name)
        assert name in dir(chunk_assets)
        assert name in page or name == "__version__"
    with pytest.raises(AttributeError, match="no attribute 'render_movie'"):
        _ = chunk_assets.render_movie


def test_the_documented_example_runs(
    store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """The example of docs/python.md renders a film, then the last chunk with another prompt."""
    write_animatic(tmp_path / "film", small_manifest())
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(example, "docs/python.md", "exec"), {})  # noqa: S102 - our own documentation
    assert capsys.readouterr().out.splitlines() == [
        "3 chunks, $0.00",
        f"{store.uri('chunks/film/chunk_02.mp4')} 0.0",
    ]
    assert (tmp_path / "film.mp4").stat().st_size > 0
    stored, _ = store.get_bytes("chunks/film/specs/chunk_02.json")
    assert b"the room stays warm" in stored


def test_a_chunk_is_kept_until_a_new_take_is_asked_for(store: ObjectStore):
    """A planned spec, as a value or as a dict, gives the film's own clip, made once."""
    put_animatic(store, "film")
    spec = plan_film(store, "film").specs[0]
    made = chunk_assets.generate_single_chunk(spec)
    assert made == {
        "chunk_url": store.uri("chunks/film/chunk_00.mp4"),
        "last_frame_url": store.uri("chunks/film/frames/chunk_0_last_frame.png"),
        "cost_usd": 0.0,
    }
    first = store.head("chunks/film/chunk_00.mp4")
    from_dict = {
        name: value for name, value in spec.model_dump().items() if not name.endswith("_version")
    }
    assert chunk_assets.generate_single_chunk(from_dict) == made
    assert store.head("chunks/film/chunk_00.mp4") == first
    chunk_assets.generate_single_chunk(spec, new_take=True)
    again = store.head("chunks/film/chunk_00.mp4")
    assert first is not None
    assert again is not None
    assert (first.record["take"], again.record["take"]) == ("1", "2")


def test_a_paid_chunk_costs_what_the_ledger_says(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    """A hosted model is asked once; the kept clip costs nothing."""
    put_animatic(store, "film")
    spec = plan_film(store, "film").specs[0]
    with FakeReplicate() as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        costs = [
            chunk_assets.generate_single_chunk(spec, generator="replicate")["cost_usd"]
            for _ in range(2)
        ]
        with pytest.raises(OverBudget, match="raise max_cost_usd"):
            chunk_assets.generate_single_chunk(
                spec, generator="replicate", max_cost_usd=0.1, new_take=True
            )
    assert costs == [0.1, 0.0]
    assert len(fake.received("POST /v1/predictions")) == 1


def test_a_chunk_that_cannot_be_made_is_one_sentence(store: ObjectStore, settings: Settings):
    """The error names the value and what is allowed, and nothing is stored."""
    put_animatic(store, "film")
    specs = plan_film(store, "film").specs
    stored = list(store.keys(""))
    with pytest.raises(NotStored, match="materialize chunk 0 first"):
        chunk_assets.generate_single_chunk(specs[1])
    with pytest.raises(SpecError, match="has no chunk 3: it has 3 chunks, 0 to 2"):
        chunk_assets.generate_single_chunk(specs[0].model_copy(update={"chunk_num": 3}))
    with pytest.raises(SpecError, match="the chunk's spec cannot be used: prompt: Field required"):
        chunk_assets.generate_single_chunk(specs[0].model_dump(exclude={"prompt"}))
    other = specs[0].model_copy(update={"animatic_frame_url": "file:///etc/passwd"})
    with pytest.raises(SpecError, match="animatic_frame_url 'file:///etc/passwd': expected 's3:"):
        chunk_assets.generate_single_chunk(other)
    with pytest.raises(SpecError, match="there is no generator 'kling'"):
        chunk_assets.generate_single_chunk(specs[0], generator="kling")
    assert [key for key in store.keys("") if "/specs/" not in key] == stored


def test_the_pictures_obey_the_operator_s_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A composite of a picture beyond the environment's limit is refused."""
    write_animatic(tmp_path / "film", small_manifest(), size=(256, 144))
    monkeypatch.setenv("CHUNK_ASSETS_LIMITS__PICTURE_SIDE", "200")
    with pytest.raises(MediaError, match="200"):
        chunk_assets.create_reference_composite(str(tmp_path / "film" / "one.png"))


def test_the_caller_s_umask_stays(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The film has the permissions that the caller's umask allows, and later files as well."""
    write_animatic(tmp_path / "film", small_manifest())
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o022)
    try:
        film = chunk_assets.render_film("film")
        chunk_assets.generate_single_chunk(plan_film(store, "film").specs[2])
        after = os.umask(0o022)
    finally:
        os.umask(before)
    assert len(film.chunk_urls) == 3
    assert after == 0o022
    assert (tmp_path / "film.mp4").stat().st_mode & 0o777 == 0o644


def test_arguments_are_checked_before_anything_is_uploaded(store: ObjectStore, tmp_path: Path):
    """A limit or a seed that cannot be used is one sentence, and S3 stays empty."""
    film = write_animatic(tmp_path / "film", small_manifest())
    for wrong in ({"max_cost_usd": "5"}, {"max_cost_usd": -1}, {"seed": 2**40}, {"seed": 1.5}):
        with pytest.raises(SpecError, match=r"(max_cost_usd|seed) is"):
            chunk_assets.render_film(film, tmp_path / "film.mp4", **wrong)  # type: ignore[arg-type]
    assert list(store.keys("")) == []
