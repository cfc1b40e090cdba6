"""The order of everything: decided, executed and logged, one group at a time."""
