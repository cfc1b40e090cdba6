"""The traced mode: roots after every step, and the witness of one step."""
