"""Dagster's webserver behind the guard: `python -m chunk_assets.webserver`.

It takes the options of `dagster-webserver`. `CHUNK_ASSETS_ALLOWED_HOSTS` lists its host names.
"""

import sys
from typing import Any

from dagster_webserver import cli
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.applications import Starlette

from chunk_assets.errors import SpecError
from chunk_assets.settings import load_settings
from chunk_assets.webserver.guard import Guard


def main() -> None:
    """Serve Dagit until it is interrupted."""
    try:
        allowed_hosts = load_settings().allowed_hosts
    except SpecError as error:
        sys.exit(f"Error: {error}")

    def guarded(*args: Any, **kwargs: Any) -> Starlette:
        app = create_app_from_workspace_process_context(*args, **kwargs)
        app.add_middleware(Guard, allowed_hosts=allowed_hosts)
        return app

    # Dagster has no option for middleware, but its command looks this name up when it starts to
    # serve. `test_private_api` fails if it no longer does, and `test_dev` asks a running Dagit.
    cli.create_app_from_workspace_process_context = guarded  # pyright: ignore[reportPrivateImportUsage]
    cli.main()


if __name__ == "__main__":
    main()
