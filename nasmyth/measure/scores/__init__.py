"""Scores that need no training, one a file: what an untrained network tells of how well it would learn.

They are measures like any other. Those that look at a network on data share one forward pass and what is differentiated
after it (`passes.py`), which a candidate makes once; each file says formula, source, and where we depart from it.
"""
