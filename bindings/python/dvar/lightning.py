"""Provides a callback for Lightning: ``lightning`` or ``pytorch_lightning``, whichever the program uses."""

import sys
from collections.abc import Callable
from typing import Any

import torch

from dvar import _stopping
from dvar.rule import Rule

# The two packages have each their own classes. What is imported already is what the program uses.
if "lightning.pytorch" in sys.modules or "pytorch_lightning" not in sys.modules:
    try:
        from lightning.pytorch.callbacks import Callback
    except ModuleNotFoundError:
        from pytorch_lightning.callbacks import Callback
else:
    from pytorch_lightning.callbacks import Callback


class _Ranks:
    """Lets a trainer's strategy speak for all ranks."""

    def __init__(self, strategy: Any) -> None:
        self._strategy = strategy

    def mean(self, value: float) -> float:
        shared = torch.tensor(value, dtype=torch.float64, device=self._strategy.root_device)
        return float(self._strategy.reduce(shared, reduce_op="mean"))

    def any(self, flag: bool) -> bool:
        return bool(self._strategy.reduce_boolean_decision(flag, all=False))


class ConvergenceStopping(_stopping.Callback, Callback):
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
        restore_best_weights: bool = False,
        log: str | None = "dvar",
    ) -> None:
        """``probe`` is usually a :class:`dvar.DeterministicProbe`; without a ``rule``, it is ``VarianceRatio()``
        with a limit of 6,100 steps, and ``NonFinite()``. With ``restore_best_weights`` the module has those of the least value
        when ``fit`` ends. The probe's value and the rule's statistic are logged as ``{log}/probe_loss`` and ``{log}/statistic``;
        ``None`` logs nothing.
        """
        super().__init__()
        self._stopping = _stopping.Stopping(probe, rule, every_n_steps, restore_best_weights)
        self._log = log

    @property
    def state_key(self) -> str:
        return str(self._generate_state_key(log=self._log))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        ranks = _Ranks(trainer.strategy) if trainer.world_size > 1 else _stopping.OneRank()
        stop = self._stopping.after_step(trainer.global_step, pl_module, ranks)
        if self._log is not None:
            for name, number in self._stopping.logged(self._log).items():
                pl_module.log(name, number)
        # Lightning never takes this back: set too early, it would end the training as soon as the minimum is reached.
        if stop and _may_stop(trainer):
            trainer.should_stop = True

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._stopping.restore_best(pl_module)


def _may_stop(trainer: Any) -> bool:
    """Returns whether ``min_steps`` and ``min_epochs`` are reached; an epoch with its last batch."""
    epochs = trainer.current_epoch + trainer.is_last_batch
    return bool(trainer.global_step >= (trainer.min_steps or 0) and epochs >= (trainer.min_epochs or 0))
