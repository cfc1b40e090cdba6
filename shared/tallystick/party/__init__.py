"""A party at the rollup: what it knows, what is due, and how that gets done."""
