"""Reading L1: one endpoint, a quorum of several, the contracts' events."""
