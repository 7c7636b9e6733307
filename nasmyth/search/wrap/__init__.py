"""Strategies around others: without repetitions, from what another study found, one of several at a time."""
