"""Provides a callback for Keras 3, with any backend."""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from dvar._stopping import Stopping
from dvar.rule import Rule


class ConvergenceStopping(keras.callbacks.Callback):
    """Runs a probe after training steps, shows its value to a rule, and ends ``fit`` when the rule says so.

        stopping = ConvergenceStopping(probe, AnyOf(VarianceRatio(), StepLimit(6100)))
        model.fit(x, y, epochs=10_000, callbacks=[stopping])

    Counts optimizer steps (``optimizer.iterations``), so they go on from one ``fit`` to the next. With ``steps_per_execution``
    above 1 it sees only the last step of each execution.

    Let the probe call the model with ``training=False``, and compute the loss itself: ``model.evaluate`` would set back the
    metrics of the epoch that is under way.
    """

    def __init__(self, probe: Callable[[], float], rule: Rule | None = None, *, every_n_steps: int = 1) -> None:
        """``probe`` is usually a :class:`dvar.DeterministicProbe`; without a ``rule``, it is ``VarianceRatio()``
        with a limit of 6,100 steps, and ``NonFinite()``."""
        super().__init__()
        self._stopping = Stopping(probe, rule, every_n_steps)

    @property
    def rule(self) -> Rule:
        return self._stopping.rule

    @property
    def stopped_step(self) -> int | None:
        """Returns the optimizer step (from 1) at which the rule last said stop; ``None`` if it did not."""
        return self._stopping.stopped_step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        step = int(self.model.optimizer.iterations)
        stopping = self._stopping
        verdict = stopping.observe(stopping.probe(), step) if stopping.due(step) else stopping.pass_by(step)
        if verdict.stop:
            self.model.stop_training = True

    def state_dict(self) -> dict[str, Any]:
        """Returns the exact state of callback, rule and probe. Keras saves no callbacks: keep it beside the saved model."""
        return self._stopping.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues from :meth:`state_dict`."""
        self._stopping.load_state_dict(state_dict)
