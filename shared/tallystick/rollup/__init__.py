"""What the rollup's parties share: genesis, batches, assertions."""
