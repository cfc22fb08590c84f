"""Provides a callback for Hugging Face's ``Trainer`` and what is made of it, such as TRL's trainers, and a probe for language models."""

import os
import pathlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from dvar import _accelerated_ranks, _stopping
from dvar.probe import DeterministicProbe
from dvar.rule import Rule

STATE_NAME = "dvar_stopping.pt"
"""The file of a checkpoint that has the callback's state."""


class ConvergenceStopping(_stopping.Callback, TrainerCallback):
    """Runs a probe after training steps, shows its value to a rule, and stops the trainer when the rule says so.

        stopping = ConvergenceStopping(probe, AnyOf(VarianceRatio(), StepLimit(6100)))
        trainer = Trainer(model, args, train_dataset=dataset, callbacks=[stopping])
        trainer.train()

    Counts optimizer steps (``state.global_step``), so gradient accumulation changes nothing. Its state, that of the rule and of the
    probe, and the best weights lie in every checkpoint, as ``dvar_stopping.pt``; ``trainer.train(resume_from_checkpoint=…)`` goes on
    from it, if the checkpoint lies in ``args.output_dir``. In a distributed run the rule of every rank is shown the mean of the
    ranks' values, so that all stop at the same step.
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
        """``probe`` is usually a :class:`dvar.DeterministicProbe`, such as that of :func:`language_model_probe`; without a ``rule``, it
        is ``VarianceRatio()`` with a limit of 6,100 steps, and ``NonFinite()``. With ``restore_best_weights`` the model has those of the
        least value when ``train`` ends, also in place of those that ``load_best_model_at_end`` loads. The probe's latest value and the
        rule's statistic stand in the trainer's logs as ``{log}/probe_loss`` and ``{log}/statistic``; ``None`` logs nothing."""
        self._stopping = _stopping.Stopping(probe, rule, every_n_steps, restore_best_weights)
        self._log = log
        self._to_log: dict[str, float] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Goes on from the checkpoint from which the trainer does, or begins anew where it does."""
        if state.global_step == self._stopping.step:
            return
        if state.global_step == 0:
            self._stopping.reset()
            return
        file = _checkpoint(args, state) / STATE_NAME
        if file.exists():
            self.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        else:
            warnings.warn(f"dvar: there is no {file}: the rule begins anew at step {state.global_step}", stacklevel=2)
            self._stopping.reset()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any
    ) -> None:
        stop = self._stopping.after_step(state.global_step, model, _accelerated_ranks.ranks())
        if self._log is not None:
            self._to_log.update(self._stopping.logged(self._log))
        if stop:
            control.should_training_stop = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        # The trainer has put the same numbers into its history already. Those of an evaluation are a line of their own.
        if logs is not None and "loss" in logs:
            logs.update(self._to_log)
            state.log_history[-1].update(self._to_log)
            self._to_log = {}

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        folder = _checkpoint(args, state)
        if not args.should_save or not folder.is_dir():
            return
        written = folder / f"{STATE_NAME}.part"
        torch.save(self.state_dict(), written)
        os.replace(written, folder / STATE_NAME)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any
    ) -> None:
        self._stopping.restore_best(model)


def _checkpoint(args: TrainingArguments, state: TrainerState) -> pathlib.Path:
    return pathlib.Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"


def language_model_probe(
    model: Any, batches: Iterable[Mapping[str, Any]], *, dropout: bool = False, seed: int = 0
) -> DeterministicProbe:
    """Returns a probe whose value is the model's loss a token on fixed batches.

    A batch is what a data collator gives: tensors by name, ``labels`` among them, with -100 for what does not count. The model is
    called with it and returns a ``loss``, the mean over the tokens that count, as those of transformers do: causal models shift the
    labels, so the first of each sequence does not count. Each batch counts by its tokens.

    Without ``dropout`` the model is evaluated in evaluation mode. With it, in training mode, with the same masks in every evaluation:
    the loss that is trained, without its noise.
    """
    fixed = [{name: _copied(value) for name, value in batch.items()} for batch in batches]
    if not fixed or any("labels" not in batch for batch in fixed):
        raise ValueError("batches: expected at least one, each with labels")
    tokens = [int((batch["labels"][..., 1:] != -100).sum()) for batch in fixed]
    if 0 in tokens:
        raise ValueError(f"batches: batch {tokens.index(0)} has no label behind its first token that counts")

    def loss(batches: list[dict[str, Any]]) -> float:
        # The probe puts back the mode of every module.
        model.train(dropout)
        device = next(model.parameters()).device
        total = 0.0
        for batch, count in zip(batches, tokens):
            on_device = {name: value.to(device) if hasattr(value, "to") else value for name, value in batch.items()}
            total += float(model(**on_device).loss) * count
        return total / sum(tokens)

    return DeterministicProbe(loss, {"batches": lambda: fixed}, model=model, seed=seed)


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value
