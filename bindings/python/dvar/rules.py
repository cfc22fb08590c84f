"""The rules, each with the settings and defaults of the C++ class of the same name."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Literal, SupportsFloat

from dvar import _native
from dvar.rule import Rule

Direction = Literal["minimize", "maximize"]
"""Which way is better. No rule assumes one."""
Scale = Literal["absolute", "relative"]
"""Whether a least change is in the units of the observations, or a fraction of what they are compared with."""


class VarianceRatio(Rule):
    """The DVAR rule: stops when the latest values vary little in comparison with all of them.

    ``var(losses[-window:]) / var(losses) < threshold``, with population variances as published (arXiv 2302.04841), in
    constant time. The earliest stop is observation ``window + 1``. On flat noise it never stops: join it with a
    :class:`StepLimit` by :class:`AnyOf`.
    """

    def __init__(
        self, window: int = 310, threshold: float = 0.15, non_finite: Literal["keep", "skip"] = "keep"
    ) -> None:
        """``window`` is at least 2, ``threshold`` above 0 and at most 1. A NaN or an infinity makes the ratio undefined
        for ever (``"keep"``, as published), or is as if it had not been observed (``"skip"``)."""
        self._create("variance_ratio", window=window, threshold=threshold, non_finite=non_finite)

    @classmethod
    def v1(cls) -> "VarianceRatio":
        """With the settings of arXiv 2302.04841 v1, for Textual Inversion: 282, 0.39."""
        return cls(window=282, threshold=0.39)

    @classmethod
    def v2(cls) -> "VarianceRatio":
        """With the settings of v2 and later, and of the official code: 310, 0.15."""
        return cls(window=310, threshold=0.15)

    def _values(self) -> _native.VarianceRatioValues:
        values: _native.VarianceRatioValues = _native.read(self._handle, _native.VarianceRatioValues)
        return values

    @property
    def window_variance(self) -> float | None:
        """Population variance of the latest ``window`` values; ``None`` before there are so many."""
        return _number(self._values().window_variance)

    @property
    def total_variance(self) -> float | None:
        """Population variance of all values; ``None`` before the first."""
        return _number(self._values().total_variance)

    @property
    def count(self) -> int:
        """How many observations count."""
        return int(self._values().count)


class Patience(Rule):
    """Stops when the value has not improved for ``patience`` observations in a row.

    Keras, Lightning and Ignite each mean something else by that; these settings give the same stops:

    - Keras ``EarlyStopping``: ``first="accepted"``, and ``baseline`` and ``start_from`` where it has them;
    - Lightning ``EarlyStopping(check_finite=False)``: the defaults;
    - Ignite ``EarlyStopping``: ``first="accepted"``, and ``measured_from="best"`` unless ``cumulative=True``.
    """

    def __init__(
        self,
        direction: Direction,
        patience: int = 3,
        min_delta: float = 0.0,
        *,
        scale: Scale = "absolute",
        measured_from: Literal["last_improvement", "best"] = "last_improvement",
        first: Literal["against_infinity", "accepted"] = "against_infinity",
        baseline: float | None = None,
        start_from: int = 0,
    ) -> None:
        """An improvement is better by more than ``min_delta``: than the last value that was an improvement, so that
        small gains add up, or than the ``"best"``. The first value is compared with the worst infinity, or
        ``"accepted"`` whatever it is. With a ``baseline``, only an improvement on that too ends the wait. The first
        ``start_from`` observations are not judged."""
        self._create(
            "patience",
            direction=direction,
            patience=patience,
            min_delta=min_delta,
            scale=scale,
            measured_from=measured_from,
            first=first,
            baseline=baseline,
            start_from=start_from,
        )

    def _values(self) -> _native.PatienceValues:
        values: _native.PatienceValues = _native.read(self._handle, _native.PatienceValues)
        return values

    @property
    def best(self) -> float | None:
        """The best of all values, whatever ``min_delta`` is; ``None`` before the first number."""
        return _number(self._values().best)

    @property
    def best_observation(self) -> int | None:
        """Which observation, from 1, was the best."""
        return int(self._values().best_observation) or None

    @property
    def wait(self) -> int:
        """How many observations have passed since the last improvement."""
        return int(self._values().wait)


class Threshold(Rule):
    """Stops at a value that is better than ``limit``: good enough."""

    def __init__(self, direction: Direction, limit: float) -> None:
        self._create("threshold", direction=direction, limit=limit)


class Divergence(Rule):
    """Stops at a value that is worse than ``limit``: gone astray. A NaN is no value: join :class:`NonFinite`."""

    def __init__(self, direction: Direction, limit: float) -> None:
        self._create("divergence", direction=direction, limit=limit)


class Plateau(Rule):
    """Stops when the mean over ``window`` values is no longer better, by more than ``tolerance``, than that over as many
    before them."""

    def __init__(
        self, direction: Direction, window: int = 100, tolerance: float = 0.0, scale: Scale = "absolute"
    ) -> None:
        self._create("plateau", direction=direction, window=window, tolerance=tolerance, scale=scale)


class SlopeTest(Rule):
    """Stops when the latest ``window`` values are no longer falling, as far as their noise lets that be seen (dlib's rule):
    when they are falling with a probability below ``probability``, also without the ``discard`` share of the largest."""

    def __init__(self, window: int = 310, probability: float = 0.51, discard: float = 0.1) -> None:
        self._create("slope_test", window=window, probability=probability, discard=discard)


class AlreadyConverged(Rule):
    """Stops when the run had converged before it began: at the last of the first ``observations``, if a line through them has
    no slope that can be told from 0 at the level ``significance``. A guard beside :class:`VarianceRatio`, which never stops
    on a loss that is flat from the start. It judges once."""

    def __init__(self, observations: int = 310, significance: float = 0.05) -> None:
        self._create("already_converged", observations=observations, significance=significance)


class StepLimit(Rule):
    """Stops at a step, whatever the values are; counts observations where it is not told steps."""

    def __init__(self, limit: int) -> None:
        self._create("step_limit", limit=limit)


class WallClockLimit(Rule):
    """Stops at the first observation after so many ``seconds``; interruptions of the run do not count."""

    def __init__(self, seconds: float) -> None:
        self._create("wall_clock_limit", seconds=seconds)


class NonFinite(Rule):
    """Stops at a NaN or an infinity: such a run does not come back."""

    def __init__(self) -> None:
        self._create("non_finite")


def threshold_grid(
    losses: Iterable[SupportsFloat], windows: Sequence[int], thresholds: Sequence[float]
) -> list[list[int | None]]:
    """Where :class:`VarianceRatio` would have stopped a recorded run, for every window (a row) and threshold (a column): the
    number of the loss from 1, or ``None``. One pass over the losses a window."""
    sizes = [_native.size("window", window, least=2) for window in windows]
    stops = _native.threshold_grid(array("d", map(float, losses)), sizes, thresholds)
    return [[stop or None for stop in row] for row in stops]


def _number(value: float) -> float | None:
    return None if value != value else value
