"""All kinds of inputs and answers, imported so that files which hold them can be read."""

from nasmyth.forms import graphs, heads, inputs, outputs, rotations, several, strings, tokens

__all__ = ["graphs", "heads", "inputs", "outputs", "rotations", "several", "strings", "tokens"]
