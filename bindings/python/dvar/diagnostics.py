"""Says how sure the mean of noisy losses is."""

import math
from array import array
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, SupportsFloat

from dvar import _native


class MeanError(NamedTuple):
    """Says how sure the mean of values is that follow each other and so are not independent. ``None`` is what is undefined."""

    mean: float | None
    effective_sample_size: float | None
    """How many independent values would give a mean as sure as this: fewer where neighbors are alike."""
    standard_error: float | None
    """The Monte Carlo standard error of the mean."""
    split_r_hat: float | None
    """1 where both halves have the same mean, more where they have not."""


def mean_error(values: Iterable[SupportsFloat]) -> MeanError:
    """Computes how sure the mean of ``values`` is, at least 8: what ArviZ gives one chain of them as ``ess(method="mean")``,
    ``mcse(method="mean")`` and ``rhat(method="split")``.

        losses = dvar.read_log("trace.jsonl", "loss").values
        print(dvar.mean_error(losses[-500:]))

    Nothing has a value where one of them is a NaN or an infinity. Takes time as their number for each lag that is
    correlated.
    """
    found = _native.mean_error_of(array("d", map(float, values)))
    return MeanError(**{name: None if math.isnan(number) else number for name, number in found.items()})


class RollingMeanError:
    """Says how sure the mean of the last ``window`` values is, at least 8. A value takes constant time; :meth:`estimate` the time
    of :func:`mean_error`."""

    def __init__(self, window: int) -> None:
        self._values: deque[float] = deque(maxlen=_native.size("window", window, least=8))

    @property
    def window(self) -> int:
        """Returns how many values the mean is of."""
        assert self._values.maxlen is not None
        return self._values.maxlen

    def observe(self, value: SupportsFloat) -> None:
        """Takes a value."""
        self._values.append(float(value))

    def estimate(self) -> MeanError:
        """Returns the numbers, all ``None`` before there are ``window`` values."""
        if len(self._values) < self.window:
            return MeanError(None, None, None, None)
        return mean_error(self._values)

    def reset(self) -> None:
        """Forgets all values."""
        self._values.clear()
