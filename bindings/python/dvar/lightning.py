"""Provides a callback for Lightning: ``lightning`` or ``pytorch_lightning``, whichever the program uses."""

import sys
from collections.abc import Callable
from typing import Any

import torch

from dvar._stopping import Stopping
from dvar.rule import Rule

# The two packages have each their own classes. What is imported already is what the program uses.
if "lightning.pytorch" in sys.modules or "pytorch_lightning" not in sys.modules:
    try:
        from lightning.pytorch.callbacks import Callback
    except ModuleNotFoundError:
        from pytorch_lightning.callbacks import Callback
else:
    from pytorch_lightning.callbacks import Callback


class ConvergenceStopping(Callback):
    """Runs a probe after training steps, shows its value to a rule, and stops the trainer when the rule says so.

        stopping = ConvergenceStopping(probe, AnyOf(VarianceRatio(), StepLimit(6100)))
        trainer = Trainer(max_epochs=-1, callbacks=[stopping])

    Counts optimizer steps (``trainer.global_step``), so gradient accumulation changes nothing. Its state, and that of the rule
    and of the probe, are in the trainer's checkpoints. In a distributed run the rule of every rank is shown the mean of the
    ranks' values, so that all stop at the same step.

    The trainer still trains for ``min_steps`` and ``min_epochs``: a stop before that is not remembered, and the rule is asked
    again. (With ``min_steps`` alone, Lightning trains for one epoch at least.)
    """

    def __init__(
        self,
        probe: Callable[[], float],
        rule: Rule | None = None,
        *,
        every_n_steps: int = 1,
        log: str | None = "dvar",
    ) -> None:
        """``probe`` is usually a :class:`dvar.DeterministicProbe`; without a ``rule``, it is ``VarianceRatio()``
        with a limit of 6,100 steps, and ``NonFinite()``. The probe's
        value and the rule's statistic are logged as ``{log}/probe_loss`` and ``{log}/statistic``; ``None`` logs nothing.
        """
        super().__init__()
        self._stopping = Stopping(probe, rule, every_n_steps)
        self._log = log

    @property
    def state_key(self) -> str:
        return str(self._generate_state_key(log=self._log))

    @property
    def rule(self) -> Rule:
        return self._stopping.rule

    @property
    def stopped_step(self) -> int | None:
        """Returns the optimizer step (from 1) at which the rule last said stop; ``None`` if it did not."""
        return self._stopping.stopped_step

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        step = trainer.global_step
        if not self._stopping.due(step):
            passed = self._stopping.pass_by(step).stop
            # The clocks of ranks differ.
            if trainer.world_size > 1:
                passed = trainer.strategy.reduce_boolean_decision(passed, all=False)
            if passed and _may_stop(trainer):
                trainer.should_stop = True
            return
        value = self._stopping.probe()
        if trainer.world_size > 1:
            shared = torch.tensor(value, dtype=torch.float64, device=trainer.strategy.root_device)
            value = trainer.strategy.reduce(shared, reduce_op="mean").item()
        verdict = self._stopping.observe(value, step)
        if self._log is not None:
            pl_module.log(f"{self._log}/probe_loss", value)
            if verdict.statistic is not None:
                pl_module.log(f"{self._log}/statistic", verdict.statistic)
        # Lightning never takes this back: set too early, it would end the training as soon as the minimum is reached.
        if verdict.stop and _may_stop(trainer):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return self._stopping.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._stopping.load_state_dict(state_dict)


def _may_stop(trainer: Any) -> bool:
    """Returns whether ``min_steps`` and ``min_epochs`` are reached; an epoch with its last batch."""
    epochs = trainer.current_epoch + trainer.is_last_batch
    return trainer.global_step >= (trainer.min_steps or 0) and epochs >= (trainer.min_epochs or 0)
