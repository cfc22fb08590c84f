# Written by bindings/python/make_stubs.py from what the C++ library says of its rules.

from typing import Literal

from typing_extensions import Self

from dvar.rule import Rule

__all__ = [
    "AlreadyConverged",
    "ClipS",
    "DiminishingReturns",
    "Divergence",
    "EmaPercentile",
    "GeneralizationLoss",
    "Geweke",
    "Hall",
    "MeanSettled",
    "NonFinite",
    "Patience",
    "Plateau",
    "ProgressQuotient",
    "Sasa",
    "SequentialTest",
    "SlopeTest",
    "StepLimit",
    "SuccessiveRises",
    "Threshold",
    "Trend",
    "VarianceRatio",
    "WallClockLimit",
]

class AlreadyConverged(Rule):
    """Stops when a line through the first observations neither falls nor rises: the run began converged.

    observations: W: how many observations at the beginning are judged; at least 3.
    significance: stop when the p-value of their slope is above this; above 0 and below 1."""

    def __init__(
        self,
        observations: int = 310,
        significance: float = 0.05,
    ) -> None: ...
    @property
    def p_value(self) -> float | None: ...

class ClipS(Rule):
    """Stops when the CLIP score of samples has not improved for a number of checks.

    patience: stop after so many checks without improvement; at least 1.
    eps: an improvement is a score that is higher by more than this; finite and at least 0."""

    def __init__(
        self,
        patience: int = 6,
        eps: float = 0.02,
    ) -> None: ...
    @classmethod
    def v1(cls) -> Self:
        """Makes the rule with these published settings: patience=5, eps=0.05."""
    @classmethod
    def v2(cls) -> Self:
        """Makes the rule with these published settings: patience=6, eps=0.02."""
    @classmethod
    def dreambooth_lora(cls) -> Self:
        """Makes the rule with these published settings: patience=3, eps=0.04."""
    @property
    def best(self) -> float | None: ...
    @property
    def wait(self) -> float | None: ...

class DiminishingReturns(Rule):
    """Stops when the latest observations gain little in comparison with the average of all.

    direction: which way is better; minimize or maximize.
    share: stop when the present pace is not above this share of the average pace; from 0 to below 1.
    window: how many of the latest observations the present pace is taken from, at least; at least 2.
    part: which part of the run it is taken from, where that is more than the window; from 0 to 1.
    block: how many observations in a row count as one: their median; at least 1."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        share: float = 0.1,
        window: int = 360,
        part: float = 0.3,
        block: int = 30,
    ) -> None: ...
    @property
    def pace_ratio(self) -> float | None: ...

class Divergence(Rule):
    """Stops at an observation that is worse than a limit.

    direction: which way is better; minimize or maximize.
    limit: stop at an observation beyond this; finite."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        limit: float,
    ) -> None: ...

class EmaPercentile(Rule):
    """Stops when the exponential average has changed little over the latest observations.

    lag: n: how many observations lie between the two averages; at least 1.
    weight: the share of the newest observation in the average; above 0 and at most 1.
    threshold: stop when the average has changed by less than this share; above 0."""

    def __init__(
        self,
        lag: int = 310,
        weight: float = 0.1,
        threshold: float = 0.001,
    ) -> None: ...
    @property
    def ema(self) -> float | None: ...
    @property
    def change(self) -> float | None: ...
    @property
    def abs_change(self) -> float | None: ...

class GeneralizationLoss(Rule):
    """Stops when the latest value is too much worse than the best so far.

    direction: which way is better; minimize or maximize.
    alpha: stop when the generalization loss, in percent, is above this; finite and at least 0."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        alpha: float = 2.0,
    ) -> None: ...
    @property
    def best(self) -> float | None: ...
    @property
    def generalization_loss(self) -> float | None: ...

class Geweke(Rule):
    """Stops when the beginning and the end of the latest observations have the same mean.

    window: N: how many of the latest observations are compared; at least 4.
    first: the share of the window that is its beginning; above 0 and below 1.
    last: the share of the window that is its end; above 0 and below 1.
    threshold: stop when |z| is below this; above 0."""

    def __init__(
        self,
        window: int = 310,
        first: float = 0.1,
        last: float = 0.5,
        threshold: float = 1.96,
    ) -> None: ...
    @property
    def z(self) -> float | None: ...
    @property
    def abs_z(self) -> float | None: ...

class Hall(Rule):
    """Stops when the latest observations lie in a narrow band around their mean.

    window: N: how many of the latest observations are looked at; at least 2.
    threshold: stop when the range is less than this share of the mean; above 0."""

    def __init__(
        self,
        window: int = 310,
        threshold: float = 0.001,
    ) -> None: ...
    @property
    def band(self) -> float | None: ...

class MeanSettled(Rule):
    """Stops when the mean of a window differs from that of the one before by no more than their Monte Carlo errors.

    window: N: how many of the latest observations are compared with as many before them; at least 8.
    effective_samples: the least effective sample size of either mean; finite and above 0.
    threshold: stop when the means are fewer standard errors apart; above 0.
    stride: judge once in so many observations; at least 1."""

    def __init__(
        self,
        window: int = 500,
        effective_samples: float = 50.0,
        threshold: float = 1.96,
        stride: int = 10,
    ) -> None: ...
    @property
    def change(self) -> float | None: ...
    @property
    def change_error(self) -> float | None: ...
    @property
    def effective_sample_size(self) -> float | None: ...
    @property
    def abs_z(self) -> float | None: ...

class NonFinite(Rule):
    """Stops at an observation that is NaN or infinite, or at such a training loss."""

    def __init__(
        self,
    ) -> None: ...

class Patience(Rule):
    """Stops when the value has not improved for a number of observations.

    direction: which way is better; minimize or maximize.
    patience: stop after so many observations without improvement; at least 1.
    min_delta: an improvement is better by more than this; finite and at least 0.
    scale: what min_delta is measured in; absolute or relative.
    measured_from: what an improvement is measured from; last_improvement or best.
    first: what is made of the first observation that is judged; against_infinity or accepted.
    baseline: only an improvement on this too ends the wait; finite.
    start_from: how many observations are not judged at first."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        patience: int = 3,
        min_delta: float = 0.0,
        scale: Literal['absolute', 'relative'] = 'absolute',
        measured_from: Literal['last_improvement', 'best'] = 'last_improvement',
        first: Literal['against_infinity', 'accepted'] = 'against_infinity',
        baseline: float | None = None,
        start_from: int = 0,
    ) -> None: ...
    @property
    def best(self) -> float | None: ...
    @property
    def wait(self) -> float | None: ...

class Plateau(Rule):
    """Stops when the mean over a window is no longer better than that over the window before it.

    direction: which way is better; minimize or maximize.
    window: N: how many of the latest observations are compared with as many before them; at least 1.
    tolerance: stop when the progress is not above this; finite and at least 0.
    scale: what tolerance is measured in; absolute or relative."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        window: int = 100,
        tolerance: float = 0.0,
        scale: Literal['absolute', 'relative'] = 'absolute',
    ) -> None: ...
    @property
    def progress(self) -> float | None: ...

class ProgressQuotient(Rule):
    """Stops when what was lost against the best outweighs the progress that is still made (Prechelt's PQ).

    direction: which way is better; minimize or maximize.
    alpha: stop when the quotient is above this; finite and at least 0.
    strip: k: how many observations make a strip; at least 2."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        alpha: float = 0.75,
        strip: int = 5,
    ) -> None: ...
    @property
    def best(self) -> float | None: ...
    @property
    def progress_quotient(self) -> float | None: ...

class Sasa(Rule):
    """Stops when a quantity that has mean 0 at stationarity can no longer be told from 0.

    batches: how many batch means the test has; at least 2.
    batch_length: how many observations a batch is the mean of; at least 1.
    significance: stop when the p-value is above this; above 0 and below 1."""

    def __init__(
        self,
        batches: int = 32,
        batch_length: int = 32,
        significance: float = 0.05,
    ) -> None: ...
    @property
    def p_value(self) -> float | None: ...

class SequentialTest(Rule):
    """Stops when the latest observations gain too little, and wrongly with at most a given probability.

    direction: which way is better; minimize or maximize.
    probability: bounds the probability of ever stopping a run that still gains as much as is asked for; above 0 and below 1.
    share: ask for this share of the average gain an observation so far; from 0 to below 1.
    min_gain: ask for at least this gain an observation; finite and at least 0.
    first: after how many observations the first test begins; at least 18.
    lag: how far apart the compared means are, as a part of the observations before the test; above 0 and at most 1.
    pairs: how many pairs of means a test compares, at least; at least 1."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        probability: float = 0.01,
        share: float = 0.1,
        min_gain: float = 0.0,
        first: int = 100,
        lag: float = 0.5,
        pairs: int = 32,
    ) -> None: ...
    @property
    def p_value(self) -> float | None: ...

class SlopeTest(Rule):
    """Stops when the latest observations are no longer falling, as far as their noise lets that be seen.

    window: N: how many of the latest observations the line goes through; at least 3.
    probability: stop when the loss is falling with a probability below this; above 0 and below 1.
    discard: the share of the largest observations that a second look leaves out, 0 for none; from 0 to below 1."""

    def __init__(
        self,
        window: int = 310,
        probability: float = 0.51,
        discard: float = 0.1,
    ) -> None: ...
    @property
    def probability(self) -> float | None: ...

class StepLimit(Rule):
    """Stops at a given step, whatever the observations are.

    limit: stop at this step; at least 1."""

    def __init__(
        self,
        limit: int,
    ) -> None: ...

class SuccessiveRises(Rule):
    """Stops when the value has got worse a number of times in a row (Prechelt's UP).

    direction: which way is better; minimize or maximize.
    rises: s: after how many rises in a row to stop; at least 1.
    strip: k: every how many observations the value is compared with that of the last time; at least 1."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        rises: int = 3,
        strip: int = 5,
    ) -> None: ...
    @property
    def rises(self) -> float | None: ...

class Threshold(Rule):
    """Stops at an observation that is better than a limit.

    direction: which way is better; minimize or maximize.
    limit: stop at an observation beyond this; finite."""

    def __init__(
        self,
        direction: Literal['minimize', 'maximize'],
        limit: float,
    ) -> None: ...

class Trend(Rule):
    """Stops when the least-squares line through the latest observations is nearly level.

    window: N: how many of the latest observations the line goes through; at least 3.
    threshold: stop when the slope, in units of the loss an observation, is less than this away from 0; above 0."""

    def __init__(
        self,
        window: int = 310,
        threshold: float = 1e-07,
    ) -> None: ...
    @property
    def slope(self) -> float | None: ...
    @property
    def abs_slope(self) -> float | None: ...

class VarianceRatio(Rule):
    """Stops when the latest observations vary little in comparison with all of them (the DVAR rule).

    window: N: how many of the latest observations are compared with all; at least 2.
    threshold: stop when the ratio is below this; above 0 and at most 1.
    non_finite: what a NaN or an infinity does: make the ratio undefined for ever, as published, or nothing; keep or skip."""

    def __init__(
        self,
        window: int = 310,
        threshold: float = 0.15,
        non_finite: Literal['keep', 'skip'] = 'keep',
    ) -> None: ...
    @classmethod
    def v1(cls) -> Self:
        """Makes the rule with these published settings: window=282, threshold=0.39, non_finite='keep'."""
    @classmethod
    def v2(cls) -> Self:
        """Makes the rule with these published settings: window=310, threshold=0.15, non_finite='keep'."""
    @property
    def rolling_variance(self) -> float | None: ...
    @property
    def total_variance(self) -> float | None: ...
    @property
    def ratio(self) -> float | None: ...

class WallClockLimit(Rule):
    """Stops at the first observation or step after a given time, whatever the observations are.

    seconds: T: stop after this time, in seconds; finite and above 0."""

    def __init__(
        self,
        seconds: float,
    ) -> None: ...
    @property
    def seconds(self) -> float | None: ...
