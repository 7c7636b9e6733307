"""From data to a task: readers of every kind of source, and the domains that infer what is to be learned."""

from nasmyth.domains.domain import Domain, domain_for, domains, read
from nasmyth.domains.graphs import Graphs
from nasmyth.domains.sources import Options, Part, Raw, Reader, data, readers
from nasmyth.domains.tabular import Tabular
from nasmyth.domains.text import Text
from nasmyth.domains.unlabelled import read_inputs
from nasmyth.domains.vision import Vision

__all__ = [
    "Domain", "Graphs", "Options", "Part", "Raw", "Reader", "Tabular", "Text", "Vision",
    "data", "domain_for", "domains", "read", "read_inputs", "readers",
]  # fmt: skip
