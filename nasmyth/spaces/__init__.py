"""Spaces: templates with holes, one a file."""

from nasmyth.spaces.images import images
from nasmyth.spaces.nb201 import nb201
from nasmyth.spaces.registry import spaces
from nasmyth.spaces.tables import tables

__all__ = ["images", "nb201", "spaces", "tables"]
