"""From prices to a signed report that an operator takes, or L1."""
