"""Samplers and optimisers of other packages as strategies."""
