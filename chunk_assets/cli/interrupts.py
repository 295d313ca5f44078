"""Ending a command tidily, whoever asks for it: Ctrl-C, `kill`, or the terminal being closed."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any

import click

EXIT_CODE = 128 + signal.SIGINT
"""What a shell reports of a program that Ctrl-C ended."""


class Stopped(click.ClickException):
    """A person stopped the command; nothing is wrong."""

    exit_code = EXIT_CODE

    def show(self, file: IO[Any] | None = None) -> None:
        """Say so on stderr, without calling it an error."""
        click.echo(self.message, file=file, err=True)


class Interrupts:
    """The signals that ask a command to stop, raised as `KeyboardInterrupt` in the main thread."""

    def __init__(self) -> None:
        self._is_asked = False

    def check(self) -> None:
        """Stop here if somebody has asked for it.

        An interrupt that comes while Python collects garbage is lost in there: whoever calls this
        now and then stops all the same.

        Raises:
            KeyboardInterrupt: Somebody has.
        """
        if self._is_asked:
            raise KeyboardInterrupt

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        self._is_asked = True
        raise KeyboardInterrupt

    def on_lost_error(self, lost: "sys.UnraisableHookArgs") -> None:
        """Print what went wrong in a collection, unless it is an interrupt: `check` has that."""
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)


@contextmanager
def stopping(sentence: str) -> Iterator[Interrupts]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the block, and say `sentence` then.

    A signal that the parent had ignored (`nohup`, a shell's `&`) stays ignored.
    """
    interrupts = Interrupts()
    replaced: dict[int, Any] = {}
    hook = sys.unraisablehook
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows knows no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                replaced[number] = signal.signal(number, interrupts.on_signal)
        sys.unraisablehook = interrupts.on_lost_error
    try:
        yield interrupts
    except KeyboardInterrupt:
        raise Stopped(sentence) from None
    finally:
        sys.unraisablehook = hook
        for number, handler in replaced.items():
            signal.signal(number, handler)
