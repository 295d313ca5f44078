"""A worker: fetches runs from the broker, one per slot at a time."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import FrameType
from typing import Any

from celery import signals
from celery.apps.worker import Worker as CeleryWorker
from celery.worker import state
from redis import Redis, RedisError

from chunk_assets.cluster import slots
from chunk_assets.cluster.app import QUEUE, celery_app
from chunk_assets.cluster.broker import BEAT_SECONDS, connect
from chunk_assets.cluster.workers import Worker, beat, forget, this_worker
from chunk_assets.settings import Settings

ABORT_SECONDS = 10
"""How long a slot may take to leave its film after the second signal."""

Say = Callable[[str], None]


class _FilmWorker(CeleryWorker):
    """Celery's worker, without its signal handlers."""

    def install_platform_tweaks(self, worker: Any) -> None:
        """Install nothing: `work` has its own handlers."""


def work(settings: Settings, slot_count: int, say: Say) -> int:
    """Render films until SIGTERM or SIGINT; return the exit code.

    After the first signal each slot finishes its chunk in flight and hands off its film; after the
    second it leaves the film at once. Slots that have not ended some seconds later are killed.

    Raises:
        SpecError: The environment names no broker.
    """
    import chunk_assets.definitions  # noqa: F401 - before the slots are forked, which then have it imported

    shutdown = slots.WorkerShutdown(settings.worker_wait_seconds)
    me = this_worker(slot_count)
    app = celery_app(settings)
    slots.add_task(app)
    pool: list[int] = []

    def on_slot(**_: Any) -> None:
        slots.become_slot(settings, me.name, shutdown)

    signals.worker_process_init.connect(on_slot, weak=False)
    heartbeat = Heartbeat(connect(settings), me)
    worker = _FilmWorker(
        app=app,
        hostname=f"films@{socket.gethostname()}",
        concurrency=slot_count,
        pool="prefork",
        queues=[QUEUE],
        quiet=True,
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        redirect_stdouts=False,
        optimization="fair",
    )

    def end_by_force() -> None:
        for process in pool or _processes(worker):
            with suppress(OSError):
                os.killpg(process, signal.SIGKILL)
        os._exit(1)

    def on_signal(number: int, _frame: FrameType | None) -> None:
        asked = shutdown.ask()
        if asked == 1:
            heartbeat.leave()
            say("Stopping: films are handed off after their chunk in flight; again to stop now.")
            state.should_stop = 0
        elif asked == 2:
            pool[:] = _processes(worker)
            say("Stopping at once.")
            timer = threading.Timer(ABORT_SECONDS, end_by_force)
            timer.daemon = True
            timer.start()
        else:
            end_by_force()

    def on_ready(**_: Any) -> None:
        heartbeat.start()
        say(f"Worker {me.name}: {slot_count} slots, code {me.code}, waiting for films.")

    signals.worker_ready.connect(on_ready, weak=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        worker.start()
    finally:
        heartbeat.stop()
    say("Stopped.")
    return int(worker.exitcode or 0)


def _processes(worker: CeleryWorker) -> list[int]:
    pool = getattr(getattr(worker, "pool", None), "_pool", None)
    return [process.pid for process in getattr(pool, "_pool", [])]


class Heartbeat:
    """A thread that sends a worker's heartbeats."""

    def __init__(self, redis: Redis, worker: Worker):
        self._redis, self._worker = redis, worker
        self._wake, self._is_over = threading.Event(), False
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Send the first heartbeat, then start the thread; the slots must have been forked."""
        if not self._thread.is_alive():
            self._send()
            self._thread.start()

    def leave(self) -> None:
        """Announce that the worker takes no more films; safe in a signal handler."""
        self._worker = replace(self._worker, is_leaving=True)
        self._wake.set()

    def stop(self) -> None:
        """Announce that the worker has ended."""
        self._is_over = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        with suppress(RedisError):
            forget(self._redis, self._worker)

    def _beat(self) -> None:
        while not self._is_over:
            self._wake.wait(BEAT_SECONDS)
            self._wake.clear()
            if not self._is_over:
                self._send()

    def _send(self) -> None:
        try:
            beat(self._redis, self._worker)
        except RedisError as error:
            print(f"Redis does not answer ({type(error).__name__})", file=sys.stderr)
