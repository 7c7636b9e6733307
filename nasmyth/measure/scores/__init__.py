"""Scores that foretell how good a network will be before it is trained, one a file; `files.py` lists them by name."""
