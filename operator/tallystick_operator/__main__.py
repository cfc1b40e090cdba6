"""`python -m tallystick_operator`."""

from tallystick_operator.cli import main

main()
