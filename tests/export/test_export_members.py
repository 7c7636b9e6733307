"""Tables whose rows lack numbers, read by members over all kinds of embeddings: the same as source, as ONNX, as an archive."""

import pytest
from nets import CLASSES, PRICES, TABLE, rows, stir

from nasmyth.network import build
from nasmyth.spaces.tabular import BINS, MEMBERS, PERIODIC, genome, tables


@pytest.mark.parametrize("suffix", ["py", "onnx", "pt2"])
@pytest.mark.parametrize("columns, outputs, adapters", [(BINS, CLASSES, 0), (PERIODIC, PRICES, 1)])
def test_members_are_exported(tmp_path, suffix, columns, outputs, adapters):
    space = tables(TABLE.cardinalities, outputs.size, "classes" if outputs.classes else "values")
    decided = genome(columns, MEMBERS, 4, width=8, k=4, adapters=adapters, frequencies=4,
                     **({"sigma": 0.3} if columns == PERIODIC else {}))  # fmt: skip
    network = stir(build(space.decode(decided), 0, TABLE, outputs))
    assert network.export(tmp_path / f"net.{suffix}").difference <= 1e-5
    assert network.predict(rows(5)) is not None
