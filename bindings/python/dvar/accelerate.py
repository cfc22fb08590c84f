"""Provides the stop for loops with Hugging Face Accelerate."""

from collections.abc import Callable
from typing import Any

from accelerate import Accelerator

from dvar import _accelerated_ranks, _stopping
from dvar.rule import Rule


class ConvergenceStopping(_stopping.Callback):
    """Runs a probe after training steps, shows its value to a rule, and says when to stop.

        stopping = ConvergenceStopping(accelerator, probe, AnyOf(VarianceRatio(), StepLimit(6100)))
        for batch in loader:
            with accelerator.accumulate(model):
                train(batch)
            if stopping.after_batch():
                break
        stopping.restore_best_weights()

    Counts optimizer steps: a batch whose gradients are only accumulated (``accelerator.sync_gradients`` is false) is none. Its
    state, and that of the rule and of the probe, are in what ``accelerator.save_state`` saves. In a distributed run the rule of
    every rank is shown the mean of the ranks' values, so that all stop at the same step; every rank calls ``after_batch``.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        probe: Callable[[], float],
        rule: Rule | None = None,
        *,
        every_n_steps: int = 1,
        restore_best_weights: Any = None,
        log: str | None = "dvar",
    ) -> None:
        """``probe`` is usually a :class:`dvar.DeterministicProbe`; without a ``rule``, it is ``VarianceRatio()``
        with a limit of 6,100 steps, and ``NonFinite()``. ``restore_best_weights`` is the model, or several, whose weights at the
        least value are kept for :meth:`restore_best_weights`. The probe's value and the rule's statistic go to the accelerator's
        trackers as ``{log}/probe_loss`` and ``{log}/statistic``; ``None`` logs nothing."""
        self._accelerator = accelerator
        self._model = restore_best_weights
        self._stopping = _stopping.Stopping(probe, rule, every_n_steps, restore_best_weights is not None)
        self._log = log
        accelerator.register_for_checkpointing(self)

    @property
    def step(self) -> int:
        """Returns the number of optimizer steps so far."""
        return self._stopping.step

    def after_batch(self) -> bool:
        """Returns whether to stop, after a batch: the same on all ranks."""
        if not self._accelerator.sync_gradients:
            return False
        step = self._stopping.step + 1
        stop = self._stopping.after_step(step, self._model, _accelerated_ranks.ranks())
        if self._log is not None and (logged := self._stopping.logged(self._log)):
            self._accelerator.log(logged, step=step)
        return stop

    def restore_best_weights(self) -> None:
        """Puts back the weights of the least value, if they are kept."""
        if self._model is not None:
            self._stopping.restore_best(self._model)
