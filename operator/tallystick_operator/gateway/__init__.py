"""Processes that take records over WebSockets, find out who signed, and hand them to the sequencer in batches."""
