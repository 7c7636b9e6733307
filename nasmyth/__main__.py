"""`python -m nasmyth` is `nasmyth`."""

from nasmyth.cli import main

if __name__ == "__main__":
    main()
