"""Measurements of the machine, its tree and its peers, each in one run with what it is compared with."""
