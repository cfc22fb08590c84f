"""Intervals over concepts: the percentile bootstrap of 10,000 resamples, from a fixed seed."""

import numpy as np

RESAMPLES = 10_000


def interval(values, statistic=np.mean, coverage=0.95):
    values = np.asarray(values, dtype=float)
    draws = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    found = statistic(values[draws], axis=1)
    tail = 100 * (1 - coverage) / 2
    return tuple(float(bound) for bound in np.percentile(found, [tail, 100 - tail]))
