"""Campaigns: as many random steps and matches as one likes."""
