"""Rank correlation."""

import numpy as np


def ranks(values):
    """Returns ranks, the mean of them for equal values."""
    values = np.asarray(values)
    return np.array([(values < value).sum() + ((values == value).sum() - 1) / 2 for value in values])


def rank_correlation(a, b):
    """Returns Spearman's; 0 where one of them is constant."""
    a, b = ranks(a), ranks(b)
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
