"""Tries an installed package dvar, whatever is beside this file: a rule stops a falling loss."""

import math
import sys

sys.path.pop(0)  # The installed package is meant.
import dvar

losses = [0.2 + 0.8 * math.exp(-step / 80) for step in range(1, 1201)]
rule = dvar.AnyOf(dvar.VarianceRatio(window=310, threshold=0.15), dvar.StepLimit(1000))
stop = rule.replay(losses)
if stop is None or not 310 < stop < 1000:
    sys.exit(f"expected the variance ratio to stop between 310 and 1000, found {stop}")
print(f"dvar {dvar.__version__} in {dvar.__file__} stops at {stop}")
