"""Provides a handler for PyTorch-Ignite."""

from collections.abc import Callable
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

from dvar import _stopping
from dvar.rule import Rule


class _Ranks:
    """Lets ``ignite.distributed`` speak for all ranks."""

    def mean(self, value: float) -> float:
        return float(idist.all_reduce(value)) / idist.get_world_size()

    def any(self, flag: bool) -> bool:
        return float(idist.all_reduce(float(flag), "MAX")) > 0.0


class ConvergenceStopping(_stopping.Callback):
    """Runs a probe after training iterations, shows its value to a rule, and terminates the trainer when the rule says so.

        stopping = ConvergenceStopping(probe, AnyOf(VarianceRatio(), StepLimit(6100)))
        stopping.attach(trainer)
        trainer.run(loader, max_epochs=10_000)

    Counts ``engine.state.iteration``. It can be among the ``to_save`` of a ``Checkpoint``: its state is that of the rule and of the
    probe. In a distributed run the rule of every rank is shown the mean of the ranks' values, so that all stop at the same
    iteration. The latest value and the rule's statistic are ``engine.state.metrics["dvar/probe_loss"]`` and ``"dvar/statistic"``.
    """

    def __init__(
        self,
        probe: Callable[[], float],
        rule: Rule | None = None,
        *,
        every_n_steps: int = 1,
        restore_best_weights: Any = None,
        log: str | None = "dvar",
    ) -> None:
        """``probe`` is usually a :class:`dvar.DeterministicProbe`; without a ``rule``, it is ``VarianceRatio()``
        with a limit of 6,100 steps, and ``NonFinite()``. ``restore_best_weights`` is the model, or several, that gets the weights
        of the least value when the run is completed; Ignite's engines know no model. ``log`` begins the names of the metrics;
        ``None`` leaves them out."""
        self._model = restore_best_weights
        self._stopping = _stopping.Stopping(probe, rule, every_n_steps, restore_best_weights is not None)
        self._log = log

    def attach(self, engine: Engine) -> None:
        """Follows a trainer from now on."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.COMPLETED, self._completed)

    def __call__(self, engine: Engine) -> None:
        ranks = _Ranks() if idist.get_world_size() > 1 else _stopping.OneRank()
        stop = self._stopping.after_step(engine.state.iteration, self._model, ranks)
        if self._log is not None:
            engine.state.metrics.update(self._stopping.logged(self._log))
        if stop:
            engine.terminate()

    def _completed(self, engine: Engine) -> None:
        self._stopping.restore_best(self._model)
