"""Disks for tests: in memory, and as bad as one likes."""
