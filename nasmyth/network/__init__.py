"""Networks: graphs with weights."""

from typing import TYPE_CHECKING

from nasmyth.contents import contents

if TYPE_CHECKING:
    from nasmyth.network.network import Network, build
    from nasmyth.network.pipeline import Pipeline, Prediction

__all__ = ["Network", "Pipeline", "Prediction", "build"]

__getattr__, __dir__ = contents(__name__, {"network": ("Network", "build"), "pipeline": ("Pipeline", "Prediction")})
