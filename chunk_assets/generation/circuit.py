"""Leave a provider alone for a while once it has failed several times in a row.

Otherwise each film, and each retry of a run, would wait minutes for a provider that is down. What
is known of it is one file for each generator in this machine's home, which all processes share.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chunk_assets.errors import ChunkAssetsError, TimedOut, Unavailable
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.private_home import private_home
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.generation.wrapped import Wrapped
from chunk_assets.sentences import shown

_BYTES = 10_000


@dataclass(frozen=True)
class CircuitPolicy:
    """When a provider is left alone.

    Attributes:
        failures: So many failed clips in a row open the circuit.
        open_seconds: How long no clip is asked for; then one is, and its failure opens it again.
    """

    failures: int = 5
    open_seconds: float = 300.0


@dataclass(frozen=True)
class _Known:
    failures: int = 0
    open_until: float = 0.0
    reason: str = ""


class Circuit:
    """The failures of one provider, as this machine has seen them.

    Args:
        home: This machine's home.
        name: The generator.
        policy: When the circuit opens.
    """

    def __init__(self, home: Path, name: str, policy: CircuitPolicy):
        self._home, self._name, self._policy = home.absolute(), name, policy
        self._path = self._home / "circuits" / f"{name}.json"

    def check(self, where: str) -> None:
        """Check that the provider may be asked.

        Raises:
            Unavailable: It may not yet; the sentence says why, and from when on it may.
        """
        known = self._read()
        if known.failures < self._policy.failures or time.time() >= known.open_until:
            return
        again = datetime.fromtimestamp(known.open_until, UTC)
        raise Unavailable(
            f"{where} is not asked of {self._name}, which has failed {known.failures} times in a "
            f"row, the last time with: {shown(known.reason, 400)}; it is asked again from "
            f"{again:%H:%M:%S} UTC on, or once {str(self._path)!r} is deleted"
        )

    def failed(self, reason: str) -> bool:
        """Count a failure, and return whether the circuit is open now."""
        failures = self._read().failures + 1
        open_until = time.time() + self._policy.open_seconds
        self._write(_Known(failures, open_until, shown(reason, 400)))
        return failures >= self._policy.failures

    def succeeded(self) -> None:
        """Forget the failures."""
        if self._path.exists():
            self._path.unlink(missing_ok=True)

    def _read(self) -> _Known:
        """Return what is known; a damaged file counts as nothing."""
        try:
            with self._path.open("rb") as file:
                stored = json.loads(file.read(_BYTES))
            known = _Known(
                int(stored["failures"]), float(stored["open_until"]), str(stored["reason"])
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return _Known()
        latest = time.time() + self._policy.open_seconds  # the clock may have been set back
        return known if 0 <= known.open_until <= latest else _Known(known.failures)

    def _write(self, known: _Known) -> None:
        private_home(self._home)
        self._path.parent.mkdir(exist_ok=True)
        with atomic_write(self._path) as part:
            part.write_text(json.dumps(vars(known)))


class CircuitBreaker(Wrapped):
    """A generator that is not asked while its provider's circuit is open."""

    name = "circuit breaker"

    def __init__(self, generator: Generator, circuit: Circuit):
        super().__init__(generator)
        self._circuit = circuit

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Render one clip, unless the circuit is open.

        Raises:
            Unavailable: It is open, or the provider fails.
            GenerationError: The generator failed.
        """
        self._circuit.check(request.where)
        try:
            clip = self._generator.generate(request, workdir, on_progress, stop)
        except (Unavailable, TimedOut) as error:
            if self._circuit.failed(str(error)):
                raise _opened(error) from error
            raise
        self._circuit.succeeded()
        return clip


def _opened(error: ChunkAssetsError) -> ChunkAssetsError:
    said = f"{error}; after several failures in a row, no clip is asked for in the next minutes"
    return type(error)(said, **error.data)
