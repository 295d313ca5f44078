"""An operator's limits reach whatever opens a picture or a clip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chunk_assets.deployment import Deployment
from chunk_assets.limits import Limits
from chunk_assets.settings import Settings
from chunk_assets_tests.cli.commands import sentence
from chunk_assets_tests.manifests import small_manifest, write_animatic

pytestmark = pytest.mark.slow


def test_settings_hold_a_deployment():
    """Limits, FFmpeg and the file of models come from the environment."""
    settings = Settings(ffmpeg="/opt/ffmpeg", models=Path("own.toml"), limits=Limits(clip_side=99))
    assert settings.deployment == Deployment(Limits(clip_side=99), "/opt/ffmpeg", Path("own.toml"))


def test_a_command_applies_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`submit` refuses a picture that the environment's limits do not allow."""
    write_animatic(tmp_path, small_manifest())
    monkeypatch.setenv("CHUNK_ASSETS_LIMITS__PICTURE_SIDE", "100")
    assert "100 pixels a side" in sentence("submit", tmp_path, "--dry-run")


def test_the_code_location_applies_its_limits():
    """A run and a sensor tick load `definitions`, which reads the environment."""
    script = "import chunk_assets.definitions, chunk_assets.deployment as d; print(d.deployment())"
    environment = os.environ | {"CHUNK_ASSETS_LIMITS__CLIP_SIDE": "4095"}
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "clip_side=4095" in ended.stdout
