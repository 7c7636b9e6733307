"""BOHB: Hyperband whose new genomes come from a Parzen estimator, and which stops who is not going to be the best.

Falkner et al. 2018, "BOHB: Robust and efficient hyperparameter optimization at scale", arXiv:1807.01774, algorithm 2: the model
is that of the longest stages of which enough was told, and a share of the genomes is drawn at random, so that no model can lead
it astray for ever. As a sentence of parts:

    Hyperband(propose=TPE(random=1 / 3), stop=Extrapolation())

Departures: brackets are played side by side as those of `Hyperband` are; kernels are those of `TPE`; stopping by extrapolation,
which is not in the paper: `stop=None` leaves it out.
"""

from __future__ import annotations

from nasmyth.search.extrapolation import Extrapolation
from nasmyth.search.halving import Stop
from nasmyth.search.hyperband import Hyperband
from nasmyth.search.parzen import TPE
from nasmyth.search.strategy import Strategy, strategy


@strategy("bohb")
class BOHB(Hyperband):
    """Hyperband with these parts (see the top of this file); its fields are those of `SuccessiveHalving`."""

    propose: Strategy = TPE(random=1 / 3)
    stop: Stop | None = Extrapolation()
