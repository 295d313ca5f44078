"""chunk_assets: an animatic becomes a film, chunk by chunk, as Dagster assets."""
