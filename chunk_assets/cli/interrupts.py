"""Stop a command cleanly on Ctrl-C, `kill` or a closed terminal."""

import atexit
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any, NoReturn

import click

EXIT_CODE = 128 + signal.SIGINT
"""The exit code that shells report for a program ended by Ctrl-C."""

# At exit Python collects cycles among all live objects: with Dagster's 270,000 that takes a second,
# while a person waits for the prompt.
atexit.register(gc.freeze)


class Stopped(click.ClickException):
    """A person stopped the command; this is not an error."""

    exit_code = EXIT_CODE

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message on stderr, without calling it an error."""
        click.echo(self.message, file=file, err=True)


class Interrupts:
    """Raises the signals that stop a command as `KeyboardInterrupt` in the main thread."""

    def __init__(self) -> None:
        self.is_asked = False

    def check(self) -> None:
        """Stop here if a signal has arrived.

        An interrupt that arrives during a garbage collection is lost, so long commands call this
        between their steps.

        Raises:
            KeyboardInterrupt: A signal has arrived.
        """
        if self.is_asked:
            raise KeyboardInterrupt

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Handle the first signal."""
        self.is_asked = True
        raise KeyboardInterrupt

    def on_another(self, _number: int, _frame: FrameType | None) -> NoReturn:
        """Handle a signal that arrives while the process ends: exit at once."""
        os._exit(EXIT_CODE)

    def on_lost_error(self, lost: "sys.UnraisableHookArgs") -> None:
        """Print an error of a garbage collection, except an interrupt, which `check` raises."""
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)


def clear_frames(error: BaseException) -> None:
    """Close the generators, with their threads and files, in the frames that an error has left.

    A traceback keeps its frames alive, and they keep suspended generators alive. If the error ends
    the process, Python would wait for their threads forever.
    """
    passed: list[BaseException] = []
    errors: list[BaseException | None] = [error]
    while errors:
        if (passing := errors.pop()) is not None and passing not in passed:
            passed.append(passing)
            traceback.clear_frames(passing.__traceback__)
            errors += [passing.__cause__, passing.__context__]


@contextmanager
def stopping(sentence: str) -> Iterator[Interrupts]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the block, and then print `sentence`.

    A signal that the parent has ignored (`nohup`, a shell's `&`) stays ignored. A second signal
    interrupts the cleanup; one after the block ends the process at once.
    """
    interrupts = Interrupts()
    replaced: dict[int, Any] = {}
    hook = sys.unraisablehook
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                replaced[number] = signal.signal(number, interrupts.on_signal)
        sys.unraisablehook = interrupts.on_lost_error
    try:
        yield interrupts
    except KeyboardInterrupt as interrupt:
        clear_frames(interrupt)
        raise Stopped(sentence) from None
    finally:
        sys.unraisablehook = hook
        for number, handler in replaced.items():
            signal.signal(number, interrupts.on_another if interrupts.is_asked else handler)
