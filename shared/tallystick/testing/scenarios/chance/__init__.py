"""Histories by seeded chance."""
