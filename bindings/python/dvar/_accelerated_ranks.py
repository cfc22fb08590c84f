"""Makes ranks agree through Accelerate, which Hugging Face's trainers are made on, too."""

import torch
from accelerate import PartialState
from accelerate.utils import reduce

from dvar._stopping import OneRank, Ranks


class _AcceleratedRanks:
    def __init__(self, state: PartialState) -> None:
        # Apple's devices have no double precision. They have no ranks either.
        self._device = state.device

    def _reduced(self, value: float, reduction: str) -> float:
        return float(reduce(torch.tensor(value, dtype=torch.float64, device=self._device), reduction=reduction))

    def mean(self, value: float) -> float:
        return self._reduced(value, "mean")

    def any(self, flag: bool) -> bool:
        return self._reduced(float(flag), "max") > 0.0


def ranks() -> Ranks:
    """Returns the ranks of this process's run."""
    state = PartialState()
    return _AcceleratedRanks(state) if state.num_processes > 1 else OneRank()
