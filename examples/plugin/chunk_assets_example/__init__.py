"""A generator for chunk_assets, and the service that it asks."""
