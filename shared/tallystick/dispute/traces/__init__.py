"""Traces of whole assertions: made once, kept on disk, opened where a dispute asks."""
