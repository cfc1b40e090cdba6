"""How long a start with an empty disk takes."""
