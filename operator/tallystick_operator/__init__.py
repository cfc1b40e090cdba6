"""The operator: sequences, executes, publishes and asserts."""
