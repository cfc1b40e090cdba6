"""How fast the machine is, and an operator, and what their data costs."""
