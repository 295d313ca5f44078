"""`chunk-assets`: the commands and how their errors reach a person."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

# Each command imports what it needs when it is called: Dagster alone takes seconds to import.
from chunk_assets.cli import system_errors
from chunk_assets.cli.dev import dev
from chunk_assets.cli.doctor import doctor
from chunk_assets.cli.interrupts import EXIT_CODE, Stopped
from chunk_assets.cli.models import models
from chunk_assets.cli.page import page
from chunk_assets.cli.render import render
from chunk_assets.cli.retire import retire
from chunk_assets.cli.status import status
from chunk_assets.cli.submit import submit
from chunk_assets.cli.worker import worker
from chunk_assets.files.private_home import write_privately
from chunk_assets.sentences import shown

FAULT = 2
"""The exit code of whatever a person can mend."""


class SentenceGroup(click.Group):
    """Commands whose errors end in one sentence on stderr and an exit code."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command line; ends the process unless `standalone_mode` is off."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        with _errors_as_sentences():
            code = super().main(*args, standalone_mode=False, **extra)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read our output has gone; Python must not complain of it at exit, either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0


@contextmanager
def _errors_as_sentences() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        message = error.format_message()
        if isinstance(
            error, click.exceptions.NoArgsIsHelpError
        ):  # no error: what `chunk-assets` alone answers with is its help
            click.echo(message, err=True)
            sys.exit(error.exit_code)
        path = error.ctx.command_path if error.ctx else "chunk-assets"
        _end(f"{message.rstrip('.')} (see {path} --help)", FAULT)
    except Stopped as stopped:  # which is no error
        stopped.show()
        sys.exit(stopped.exit_code)
    except click.ClickException as error:
        _end(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(EXIT_CODE)
    except Exception as error:
        sentence = system_errors.sentence(error)
        if sentence is None:
            raise
        _end(sentence, FAULT)


def _end(sentence: str, code: int) -> NoReturn:
    click.echo(f"Error: {shown(sentence)}", err=True)
    sys.exit(code)


@click.group(cls=SentenceGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chunk_assets", message="%(prog)s %(version)s")
def main() -> None:
    """Turn an animatic into a film, chunk by chunk, as Dagster assets on S3.

    Where S3 is, and where this machine keeps its own files, the environment says:
    CHUNK_ASSETS_BUCKET and the AWS variables for your own bucket; without them a local server
    runs while it is needed, and keeps everything in ./.chunk_assets (CHUNK_ASSETS_HOME).
    """
    from chunk_assets.cli.film_file import remember_umask

    umask = write_privately()
    remember_umask(umask)
    click.get_current_context().call_on_close(lambda: os.umask(umask))
    # What libraries tell developers is no news for the person at the terminal.
    warnings.simplefilter("ignore")
    for library in ("dagster", "sqlalchemy"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    for stream in (sys.stdout, sys.stderr):
        # A name that this terminal's encoding has no character for is no reason to stop.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


for command in (render, submit, status, page, retire, dev, worker, models, doctor):
    main.add_command(command)
