"""`chunk-assets`: the group of commands, and how their errors are shown."""

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
from chunk_assets.cli.accept import accept
from chunk_assets.cli.choose import choose
from chunk_assets.cli.dev import dev
from chunk_assets.cli.doctor import doctor
from chunk_assets.cli.interrupts import EXIT_CODE, Stopped
from chunk_assets.cli.models import models
from chunk_assets.cli.options import UMASK
from chunk_assets.cli.page import page
from chunk_assets.cli.render import render
from chunk_assets.cli.retire import retire
from chunk_assets.cli.status import status
from chunk_assets.cli.submit import submit
from chunk_assets.cli.takes import takes
from chunk_assets.cli.worker import worker, worker_process
from chunk_assets.files.private_home import write_privately
from chunk_assets.sentences import shown

FAULT = 2
"""The exit code of errors that a person can fix."""


class SentenceGroup(click.Group):
    """A group whose commands' errors are shown as one sentence, with an exit code."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command line, then end the process unless `standalone_mode` is off."""
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
            # The reader of our output has exited; Python must not fail when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if sentence := system_errors.sentence(error, ctx.obj):
                raise Fault(sentence) from error
            raise


class Fault(click.ClickException):
    """An error that a person can fix."""

    exit_code = FAULT


@contextmanager
def _errors_as_sentences() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        message = error.format_message()
        if isinstance(error, click.exceptions.NoArgsIsHelpError):  # no error: `chunk-assets` alone
            click.echo(message, err=True)
            sys.exit(error.exit_code)
        path = error.ctx.command_path if error.ctx else "chunk-assets"
        _end(f"{message.rstrip('.')} (see {path} --help)", FAULT)
    except Stopped as stopped:
        stopped.show()
        sys.exit(stopped.exit_code)
    except click.ClickException as error:
        _end(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(EXIT_CODE)
    except Exception as error:  # outside of a command, such as `--help` on a full disk
        if sentence := system_errors.sentence(error, None):
            _end(sentence, FAULT)
        raise


def _end(sentence: str, code: int) -> NoReturn:
    click.echo(f"Error: {shown(sentence)}", err=True)
    sys.exit(code)


@click.group(cls=SentenceGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chunk_assets", message="%(prog)s %(version)s")
def main() -> None:
    """Turn an animatic into a film, chunk by chunk, as Dagster assets on S3.

    Set CHUNK_ASSETS_BUCKET and the AWS variables to use your own bucket. By default a local S3
    server runs while it is needed, and keeps everything in ./.chunk_assets (CHUNK_ASSETS_HOME).
    """
    umask = write_privately()
    context = click.get_current_context()
    context.meta[UMASK] = umask
    context.call_on_close(lambda: os.umask(umask))
    # Warnings of libraries are meant for developers.
    warnings.simplefilter("ignore")
    for library in ("dagster", "sqlalchemy"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal's encoding lacks must not stop a command.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


for command in (
    render,
    submit,
    status,
    takes,
    choose,
    accept,
    page,
    retire,
    dev,
    worker,
    worker_process,
    models,
    doctor,
):
    main.add_command(command)
