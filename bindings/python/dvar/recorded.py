"""Replays recorded losses."""

from array import array
from collections.abc import Iterable, Sequence
from typing import SupportsFloat

from dvar import _native


def threshold_grid(
    losses: Iterable[SupportsFloat], windows: Sequence[int], thresholds: Sequence[float]
) -> list[list[int | None]]:
    """Returns where :class:`VarianceRatio` would have stopped a recorded run, for every window (a row) and threshold (a
    column): the number of the loss from 1, or ``None``. Takes one pass over the losses a window."""
    sizes = [_native.size("window", window, least=2) for window in windows]
    stops = _native.threshold_grid(array("d", map(float, losses)), sizes, thresholds)
    return [[stop or None for stop in row] for row in stops]
