"""Measures: from a candidate to a number; a comparison with one is a constraint; one way to evaluate both.

The files behind the names are loaded on first use (`files.py` lists them).
"""

from typing import TYPE_CHECKING

from nasmyth.contents import contents
from nasmyth.measure.budgets import constraint, constraints
from nasmyth.measure.candidate import Candidate, Effort
from nasmyth.measure.constraint import Constraint
from nasmyth.measure.evaluate import Measured, evaluate, figures_of
from nasmyth.measure.files import FILES
from nasmyth.measure.measure import Measure, find, measure, measures
from nasmyth.measure.needs import Need, need, needs

if TYPE_CHECKING:
    from nasmyth.measure.calibration import ece_adaptive, ece_classwise, ece_scaled
    from nasmyth.measure.counts import activations, active_params, layers, macs, memory, params, size, state, traffic
    from nasmyth.measure.device import latency
    from nasmyth.measure.robustness import masking, robust
    from nasmyth.measure.scores.aggregate import rank_aggregate
    from nasmyth.measure.scores.attention_rank import attention_rank
    from nasmyth.measure.scores.az_nas import expressivity, progressivity, trainability
    from nasmyth.measure.scores.connectivity import effective_depth, effective_width
    from nasmyth.measure.scores.entropy import depth, effectiveness, entropy
    from nasmyth.measure.scores.gradients import fisher, grad_norm, l2_norm, plain, snip
    from nasmyth.measure.scores.grasp import grasp
    from nasmyth.measure.scores.intrinsic import intrinsic_dimension
    from nasmyth.measure.scores.jacobians import epe, jacov
    from nasmyth.measure.scores.length import length_distortion
    from nasmyth.measure.scores.naswot import naswot
    from nasmyth.measure.scores.nngp import nngp
    from nasmyth.measure.scores.reduced import reduced
    from nasmyth.measure.scores.swap import swap, swap_regularised
    from nasmyth.measure.scores.synflow import synflow
    from nasmyth.measure.scores.teg import linear_regions, ntk_condition, ntk_error
    from nasmyth.measure.scores.vkdnw import vkdnw
    from nasmyth.measure.scores.zen import zen
    from nasmyth.measure.scores.zico import zico
    from nasmyth.measure.trained import (
        accuracy,
        auroc,
        average_precision,
        balanced_accuracy,
        brier,
        ece,
        f1,
        f1_micro,
        log_loss,
        loss,
        mae,
        median_error,
        precision,
        quantile_loss,
        r2,
        recall,
        rmse,
    )

__all__ = ["Candidate", "Constraint", "Effort", "Measure", "Measured", "Need", "accuracy", "activations", "active_params", "attention_rank", "auroc",
           "average_precision", "balanced_accuracy", "brier", "constraint", "constraints", "depth", "ece", "ece_adaptive",
           "ece_classwise", "ece_scaled", "effective_depth", "effective_width", "effectiveness", "entropy", "epe",
           "evaluate", "expressivity", "f1", "f1_micro", "figures_of", "find", "fisher", "grad_norm", "grasp",
           "intrinsic_dimension", "jacov", "l2_norm", "latency", "layers", "length_distortion", "linear_regions",
           "log_loss", "loss", "macs", "mae", "masking", "measure", "measures", "median_error", "memory", "naswot",
           "need", "needs", "nngp", "ntk_condition", "ntk_error", "params", "plain", "precision", "progressivity",
           "quantile_loss", "r2", "rank_aggregate", "recall", "reduced", "rmse", "robust", "size", "snip", "state", "swap",
           "swap_regularised", "synflow", "traffic", "trainability", "vkdnw", "zen", "zico"]  # fmt: skip

__getattr__, __dir__ = contents(__name__, FILES)
