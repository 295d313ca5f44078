"""Ending a command tidily, whoever asks for it: Ctrl-C, `kill`, or the terminal being closed."""

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
"""What a shell reports of a program that Ctrl-C ended."""

# Python looks through everything that is alive at its end for cycles to take apart: of Dagster's
# 270,000 objects that takes a second, in which a person waits for the prompt.
atexit.register(gc.freeze)


class Stopped(click.ClickException):
    """A person stopped the command; nothing is wrong."""

    exit_code = EXIT_CODE

    def show(self, file: IO[Any] | None = None) -> None:
        """Say so on stderr, without calling it an error."""
        click.echo(self.message, file=file, err=True)


class Interrupts:
    """The signals that ask a command to stop, raised as `KeyboardInterrupt` in the main thread."""

    def __init__(self) -> None:
        self.is_asked = False

    def check(self) -> None:
        """Stop here if somebody has asked for it.

        An interrupt that comes while Python collects garbage is lost in there: whoever calls this
        now and then stops all the same.

        Raises:
            KeyboardInterrupt: Somebody has.
        """
        if self.is_asked:
            raise KeyboardInterrupt

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        self.is_asked = True
        raise KeyboardInterrupt

    def on_another(self, _number: int, _frame: FrameType | None) -> NoReturn:
        """Take a signal that comes while the process ends, from somebody in a hurry."""
        os._exit(EXIT_CODE)

    def on_lost_error(self, lost: "sys.UnraisableHookArgs") -> None:
        """Print what went wrong in a collection, unless it is an interrupt: `check` has that."""
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)


def let_go(error: BaseException) -> None:
    """Close what the code held that the error has left: generators, with their threads and files.

    An error keeps the frames that it passed, and they keep the generators that wait in them, until
    it is forgotten; one that ends the process is not, and Python waits for their threads for ever.
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
    """Let Ctrl-C, SIGTERM and SIGHUP end the block, and say `sentence` then.

    A signal that the parent had ignored (`nohup`, a shell's `&`) stays ignored. A second one
    interrupts the tidying up; one that comes behind the block ends the process at once.
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
    except KeyboardInterrupt as interrupt:
        let_go(interrupt)
        raise Stopped(sentence) from None
    finally:
        sys.unraisablehook = hook
        for number, handler in replaced.items():
            signal.signal(number, interrupts.on_another if interrupts.is_asked else handler)
