"""Scores of networks that have not been trained, one family a file: `nasmyth/measure/files.py` says which is where."""
