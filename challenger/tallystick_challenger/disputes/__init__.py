"""Single disputes and pools: looking at them, and moves by hand."""
