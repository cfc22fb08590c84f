"""Provides a callback for Keras 3, with any backend."""

from collections.abc import Callable
from typing import Any

import keras

from dvar import _stopping
from dvar.rule import Rule


class ConvergenceStopping(_stopping.Callback, keras.callbacks.Callback):
    """Runs a probe after training steps, shows its value to a rule, and ends ``fit`` when the rule says so.

        stopping = ConvergenceStopping(probe, AnyOf(VarianceRatio(), StepLimit(6100)))
        model.fit(x, y, epochs=10_000, callbacks=[stopping])

    Counts optimizer steps (``optimizer.iterations``), so they go on from one ``fit`` to the next. With ``steps_per_execution``
    above 1 it sees only the last step of each execution. Keras saves no callbacks: keep ``state_dict()`` beside the saved model.

    Let the probe call the model with ``training=False``, and compute the loss itself: ``model.evaluate`` would set back the
    metrics of the epoch that is under way.
    """

    def __init__(
        self,
        probe: Callable[[], float],
        rule: Rule | None = None,
        *,
        every_n_steps: int = 1,
        restore_best_weights: bool = False,
    ) -> None:
        """``probe`` is usually a :class:`dvar.DeterministicProbe`; without a ``rule``, it is ``VarianceRatio()``
        with a limit of 6,100 steps, and ``NonFinite()``. With ``restore_best_weights`` the model has those of the least value
        when ``fit`` ends."""
        super().__init__()
        self._stopping = _stopping.Stopping(probe, rule, every_n_steps, restore_best_weights)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._stopping.after_step(int(self.model.optimizer.iterations), self.model):
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        self._stopping.restore_best(self.model)
