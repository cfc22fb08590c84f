"""Provides a learning-rate scheduler for PyTorch."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, SupportsFloat

import torch

from dvar._native import StateError, size
from dvar.best_weights import is_better
from dvar.rule import Rule


class ReduceLROnStop(torch.optim.lr_scheduler.LRScheduler):
    """Lowers the learning rates where a rule says stop, lets the rule begin anew, and stops after so many times. It is used as
    PyTorch's ``ReduceLROnPlateau`` is, with any rule in place of its patience:

        scheduler = ReduceLROnStop(optimizer, dvar.SlopeTest(), factor=0.1, drops=3)
        while not scheduler.stop:
            train()
            scheduler.step(probe())

    So dlib's trainer uses its test of the slope, and SASA+ its test of stationarity. With ``dvar.Patience("minimize", n + 1)`` and
    ``remembers="least"``, the rates are those of ``ReduceLROnPlateau(optimizer, patience=n, threshold=0)``, which never stops.

    A limit on steps belongs beside it, in the loop: as its rule, it would lower the rates at every step from its own on. The rule is
    the scheduler's own from now on.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        rule: Rule,
        *,
        factor: float = 0.1,
        drops: int = 3,
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        remembers: Literal["nothing", "least", "largest"] = "nothing",
    ) -> None:
        """``factor`` is what the rates are multiplied by, ``drops`` how often they are lowered: the stop of the rule after the last
        time is a stop. After each, the rule is not shown the next ``cooldown`` values. ``min_lr`` is what the rates never fall below:
        one number, or one for each parameter group. ``remembers`` says whether the rule is shown the best value so far first when it
        begins anew."""
        if not 0.0 < factor < 1.0:
            raise ValueError(f"factor must be above 0 and below 1, not {factor}")
        if remembers not in ("nothing", "least", "largest"):
            raise ValueError(f"remembers must be nothing, least or largest, not {remembers!r}")
        groups = len(optimizer.param_groups)
        self.min_lrs = [float(least) for least in min_lr] if isinstance(min_lr, Sequence) else [float(min_lr)] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"min_lr: expected {groups} numbers, one for each parameter group, not {len(self.min_lrs)}")
        self.optimizer = optimizer
        self.rule = rule
        self.factor = factor
        self.drops = size("drops", drops)
        self.cooldown = size("cooldown", cooldown)
        self.remembers = remembers
        self.last_epoch = 0
        self.num_drops = 0
        self.cooldown_counter = 0
        self.best: float | None = None
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    @property
    def stop(self) -> bool:
        """Returns whether the rule stops and the rates have been lowered ``drops`` times."""
        return self.cooldown_counter == 0 and self.rule.latest().stop

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Shows the rule a value, and lowers the rates where it says stop. ``epoch`` counts the calls where it is not given."""
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.remembers != "nothing" and is_better(value, self.best, self.remembers == "least"):
            self.best = value
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            if self.cooldown_counter == 0:
                self._begin_anew()
        elif self.rule.observe(value, self.last_epoch) and self.num_drops < self.drops:
            self._reduce_lr()
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _reduce_lr(self) -> None:
        for group, least in zip(self.optimizer.param_groups, self.min_lrs):
            lowered = max(float(group["lr"]) * self.factor, least)
            if lowered < float(group["lr"]):
                # A rate that is a tensor may be part of a compiled step.
                if isinstance(group["lr"], torch.Tensor):
                    group["lr"].fill_(lowered)
                else:
                    group["lr"] = lowered
        self.num_drops += 1
        self.cooldown_counter = self.cooldown
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.rule.reset()
        if self.best is not None:
            self.rule.observe(self.best)

    def get_last_lr(self) -> list[float | torch.Tensor]:
        """Returns the rates of the parameter groups after the latest step."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Returns the exact state, of plain types; the rates are in the optimizer's."""
        names = ("last_epoch", "num_drops", "cooldown_counter", "best", "_last_lr")
        return {"rule": self.rule.state_dict()} | {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues from :meth:`state_dict`. Raises :class:`dvar.StateError`, and then nothing has changed."""
        try:
            rule = state_dict["rule"]
            names = ("last_epoch", "num_drops", "cooldown_counter", "best", "_last_lr")
            values = {name: state_dict[name] for name in names}
        except (KeyError, TypeError) as error:
            raise StateError(f"not the state_dict of a scheduler: {error!r}") from error
        self.rule.load_state_dict(rule)
        vars(self).update(values)
