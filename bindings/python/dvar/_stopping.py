"""Holds what the callbacks have in common."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dvar._native import StateError
from dvar.best_weights import BestWeights
from dvar.combinators import AnyOf
from dvar.rule import Rule, Verdict
from dvar.rules import NonFinite, StepLimit, VarianceRatio


def default_rule() -> Rule:
    """Returns the variance ratio with the limits that it needs: on flat noise it never stops."""
    return AnyOf(VarianceRatio(), NonFinite(), StepLimit(6100))


class Ranks(Protocol):
    """Makes all ranks of a run agree. Each of them calls the same functions in the same order."""

    def mean(self, value: float) -> float:
        """Returns the mean of the ranks' values."""

    def any(self, flag: bool) -> bool:
        """Returns whether one of the ranks says yes."""


class OneRank:
    """Is a run of one process."""

    def mean(self, value: float) -> float:
        return value

    def any(self, flag: bool) -> bool:
        return flag


class Stopping:
    """Joins a probe, a rule, a cadence over training steps and, if asked, the best weights."""

    def __init__(
        self, probe: Callable[[], float], rule: Rule | None, every_n_steps: int, restore_best_weights: bool = False
    ) -> None:
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be at least 1, not {every_n_steps}")
        self.probe = probe
        self.rule = default_rule() if rule is None else rule
        self.every_n_steps = every_n_steps
        self.best = BestWeights() if restore_best_weights else None
        self._begin()

    def _begin(self) -> None:
        self.step = 0
        self.stopped_step: int | None = None
        self.value: float | None = None
        self.verdict: Verdict = self.rule.latest()

    def after_step(self, step: int, model: Any = None, ranks: Ranks = OneRank()) -> bool:
        """Runs the probe if it is due after this step, and returns whether to stop: the same on all ranks. ``value`` is the
        probe's then, and ``None`` where it did not run. One call may stand for several steps, or come again for one."""
        due = step // self.every_n_steps > self.step // self.every_n_steps
        self.step = step
        if due:
            self.value = ranks.mean(float(self.probe()))
            self.verdict = self.rule.observe(self.value, step)
            if self.best is not None:
                self.best.observe(self.value, model, step)
        else:
            self.value = None
            self.verdict = self.rule.advance(step)
        # The clocks of ranks differ, and so may rules that look at them.
        stop = ranks.any(self.verdict.stop)
        if stop:
            self.stopped_step = step
        return stop

    def logged(self, prefix: str) -> dict[str, float]:
        """Returns the probe's value and the rule's number after the latest step by the names that logs give them."""
        numbers = {"probe_loss": self.value, "statistic": None if self.value is None else self.verdict.statistic}
        return {f"{prefix}/{name}": number for name, number in numbers.items() if number is not None}

    def restore_best(self, model: Any) -> None:
        if self.best is not None:
            self.best.restore(model)

    def reset(self) -> None:
        """Begins anew, as for another run."""
        self.rule.reset()
        if self.best is not None:
            self.best.reset()
        self._begin()

    def state_dict(self) -> dict[str, Any]:
        state = {"rule": self.rule.state_dict(), "step": self.step, "stopped_step": self.stopped_step}
        if hasattr(self.probe, "state_dict"):
            state["probe"] = self.probe.state_dict()
        if self.best is not None:
            state["best"] = self.best.state_dict()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues from :meth:`state_dict`, wholly or not at all."""
        try:
            rule, step, stopped_step = (state_dict[name] for name in ("rule", "step", "stopped_step"))
        except (KeyError, TypeError) as error:
            raise StateError(f"not the state_dict of a callback: {error!r}") from error
        best = BestWeights() if self.best is not None else None
        if best is not None:
            if "best" not in state_dict:
                raise StateError("the state has no best weights: it was saved without restore_best_weights")
            best.load_state_dict(state_dict["best"])
        before = self.rule.save()
        self.rule.load_state_dict(rule)
        if "probe" in state_dict and hasattr(self.probe, "load_state_dict"):
            try:
                self.probe.load_state_dict(state_dict["probe"])
            except BaseException:
                self.rule.load(before)
                raise
        self.best, self.step, self.stopped_step = best, step, stopped_step
        self.value, self.verdict = None, self.rule.latest()


class Callback:
    """Is what the callbacks of all frameworks offer beside what their framework asks for."""

    _stopping: Stopping

    @property
    def rule(self) -> Rule:
        return self._stopping.rule

    @property
    def stopped_step(self) -> int | None:
        """Returns the optimizer step (from 1) at which the rule last said stop; ``None`` if it did not."""
        return self._stopping.stopped_step

    @property
    def best(self) -> BestWeights | None:
        """Returns the best weights so far; ``None`` without ``restore_best_weights``."""
        return self._stopping.best

    def state_dict(self) -> dict[str, Any]:
        """Returns the exact state of callback, rule and probe, and the best weights, if they are kept."""
        return self._stopping.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues from :meth:`state_dict`. Raises :class:`dvar.StateError`, and then nothing has changed."""
        self._stopping.load_state_dict(state_dict)
