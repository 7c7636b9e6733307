"""What `benchmarks/worth.py` is made of: tasks, methods (each a file with `run`), and figures told from results."""
