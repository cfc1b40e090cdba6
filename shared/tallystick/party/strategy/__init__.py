"""The honest strategy: from what is known to the calls that are due."""
