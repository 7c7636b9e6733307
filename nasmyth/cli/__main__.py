"""`python -m nasmyth.cli` is `nasmyth`."""

from nasmyth.cli import main

if __name__ == "__main__":
    main()
