"""`python -m tallystick`: the command line without its installed script."""

from tallystick.cli import main

if __name__ == "__main__":
    main()
