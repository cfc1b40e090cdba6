"""True states on disk."""
