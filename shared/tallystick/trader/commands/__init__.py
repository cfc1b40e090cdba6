"""The trader's commands."""
