"""`python -m softswitch` is the command `softswitch`."""

from softswitch.cli.main import main

if __name__ == "__main__":
    main()
