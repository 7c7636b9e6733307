"""Reinforcement: genomes as sequences of steps, policies over these, and rules that make rewarded ones likelier."""
