"""Files of this machine: models in TOML, and what the local S3 server remembers."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import strategies as st

from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.storage.local.weed import HOST, Server, choose_ports, weed_command
from chunk_assets_tests.cli.commands import run
from chunk_assets_tests.fuzz.fuzzing import fuzz, fuzzing, sentence_of
from chunk_assets_tests.fuzz.inputs import damaged, manifests

pytestmark = pytest.mark.slow

MODELS = (resources.files("chunk_assets.generation") / "models.toml").read_text()

ASSIGNMENTS = [match.span(2) for match in re.finditer(r"(?m)^([\w.\"-]+) *= *(.+)$", MODELS)]
"""Where each value stands that has a line of its own."""

TOML = [
    *("0", "-1", "1", "1e308", "nan", "inf", "-inf", "9223372036854775808", "true", '""', '"x"'),
    *("[]", "[1]", "[[1]]", "{}", "{ usd = 1 }", "1979-05-27", "07:32:00", '"\\u0000"', "0.1"),
    *('{ kind = "range" }', '{ kind = "x" }', "[0, 0]", "[2, 1]", '["a", 1]', "''", '"{prompt}"'),
    *("1" * 400, "[" * 200 + "]" * 200, '"' + "A" * 5000 + '"', "0x7fffffffffffffff", "1e-300"),
]

SERVER = {
    "access_key_id": "0123456789ABCDEF0123",
    "secret_access_key": "secret-of-this-server",
    "ports": {"s3.port": 20_001, "s3.port.grpc": 20_002, "master.port": 20_003},
}


@st.composite
def models(draw: st.DrawFn) -> bytes:
    """A file of models with a value, or some bytes, replaced."""
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged([MODELS.encode()]))
    text = MODELS
    spans = draw(st.lists(st.sampled_from(ASSIGNMENTS), min_size=1, max_size=3, unique=True))
    for start, end in sorted(spans, reverse=True):
        value = draw(st.sampled_from(TOML) | st.floats().map(str) | st.integers().map(str))
        text = text[:start] + value + text[end:]
    return text.encode()


def use(path: Path) -> None:
    """Ask every model of the file what it costs and how long its clips are."""
    for model in load_catalog(path).values():
        for fps in (1, 24, 120):
            seconds = model.slot_seconds(FrameRate(fps), 0.5, wanted=2.0)
            assert seconds > 0
            length = model.clip_length(max(1, round(seconds * fps)), FrameRate(fps))
            assert model.price_usd(length, (1024, 576)) >= 0


@fuzzing(6)
def test_models(seconds: float, tmp_path: Path):
    """Whatever bytes CHUNK_ASSETS_MODELS leads to: used, or refused in one sentence."""
    path = tmp_path / "models.toml"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        sentence_of(lambda: use(path))

    fuzz(models(), check, seconds)


@fuzzing(5)
def test_models_in_the_terminal(seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`chunk-assets models` ends with 0, or with 2 and one sentence."""
    path = tmp_path / "models.toml"
    monkeypatch.setenv("CHUNK_ASSETS_MODELS", str(path))

    def check(content: bytes) -> None:
        path.write_bytes(content)
        ended = run("models")
        assert ended.code in (0, 2), ended.stderr
        if ended.code == 2:
            assert ended.stderr.startswith("Error: ")
            assert ended.stderr.count("\n") == 1

    fuzz(models(), check, seconds)


@fuzzing(4)
def test_servers(seconds: float, tmp_path: Path):
    """Whatever bytes are server.json: a server that can be asked and started, or none."""

    def check(content: bytes) -> None:
        (tmp_path / "server.json").write_bytes(content)
        server = Server.load(tmp_path)
        if server is None:
            return
        assert server.address.startswith(HOST)
        assert server.ask("GET", "/", timeout=0.2) in range(600)
        assert set(choose_ports(server.ports).values()) <= set(range(1024, 65_536))
        assert all("\0" not in argument for argument in weed_command("weed", server.ports))
        assert json.dumps(vars(server))

    fuzz(manifests([SERVER]), check, seconds)
