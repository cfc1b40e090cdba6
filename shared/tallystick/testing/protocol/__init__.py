"""The contracts of the dispute as plain Python, whose rules can be dropped one by one."""
