"""Tells a training loop when it has converged, although its loss is noise.

A probe evaluates the loss on inputs that are drawn once and held fixed; a rule watches its values and says when to stop:

    probe = dvar.DeterministicProbe(loss, {"batch": draw_batch}, model=model)
    rule = dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(6100))
    for step in itertools.count(1):
        train(step)
        if rule.observe(probe(), step):
            print(rule.reason())
            break

The rules are those of the C++ library of the same name, to the bit. There are callbacks in
``dvar.lightning``, ``dvar.keras``, ``dvar.transformers`` and ``dvar.ignite``, and the stop of a loop in ``dvar.accelerate``.
"""

from dvar import rules
from dvar._native import StateError, version as _version
from dvar.best_weights import BestWeights
from dvar.combinators import After, AllOf, AnyOf, Consecutive, Despiked, Every, Latched
from dvar.diagnostics import MeanError, RollingMeanError, mean_error
from dvar.probe import DeterministicProbe
from dvar.recorded import LoggedColumn, TraceWriter, read_log, threshold_grid
from dvar.rule import Rule, Verdict, make_rule
from dvar.rules import *

__version__ = _version()

__all__ = [
    "After",
    "AllOf",
    "AnyOf",
    "BestWeights",
    "Consecutive",
    "Despiked",
    "DeterministicProbe",
    "Every",
    "Latched",
    "LoggedColumn",
    "MeanError",
    "RollingMeanError",
    "Rule",
    "StateError",
    "TraceWriter",
    "Verdict",
    "make_rule",
    "mean_error",
    "read_log",
    "threshold_grid",
]
__all__ += rules.__all__
