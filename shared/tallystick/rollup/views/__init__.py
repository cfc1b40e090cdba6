"""L1's events folded into what they mean: batches, assertions, credits."""
