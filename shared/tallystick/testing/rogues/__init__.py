"""Liars and thieves: what an honest party must be able to live with."""
