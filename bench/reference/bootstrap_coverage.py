#!/usr/bin/env python3
"""How often the 95 % interval of the percentile bootstrap holds the true mean of N normal numbers, for N = 5, 10 and 20.

usage: bootstrap_coverage.py   (needs NumPy)
"""

import numpy as np

rng = np.random.default_rng(0)
for count in 5, 10, 20:
    samples = rng.normal(size=(4000, count))
    means = [values[rng.integers(count, size=(2000, count))].mean(1) for values in samples]
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    print(count, ((low < 0) & (high > 0)).mean())
