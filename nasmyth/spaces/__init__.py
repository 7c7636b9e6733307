"""Spaces: templates with holes, one a file."""

from nasmyth.spaces.images import images
from nasmyth.spaces.registry import spaces
from nasmyth.spaces.tables import tables

__all__ = ["images", "spaces", "tables"]
