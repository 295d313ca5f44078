"""`python -m chunk_assets.cli`: the same as `chunk-assets`."""

from chunk_assets.cli.main import main

main(prog_name="chunk-assets")
