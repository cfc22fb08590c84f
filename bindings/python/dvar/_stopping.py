"""Holds what the callbacks have in common."""

from collections.abc import Callable, Mapping
from typing import Any

from dvar._native import StateError
from dvar.combinators import AnyOf
from dvar.rule import Rule, Verdict
from dvar.rules import NonFinite, StepLimit, VarianceRatio


def default_rule() -> Rule:
    """Returns the variance ratio with the limits that it needs: on flat noise it never stops."""
    return AnyOf(VarianceRatio(), NonFinite(), StepLimit(6100))


class Stopping:
    """Joins a probe, a rule and a cadence over training steps."""

    def __init__(self, probe: Callable[[], float], rule: Rule | None, every_n_steps: int) -> None:
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be at least 1, not {every_n_steps}")
        self.probe = probe
        self.rule = default_rule() if rule is None else rule
        self.every_n_steps = every_n_steps
        self.step = 0
        self.stopped_step: int | None = None
        self.value: float | None = None

    def due(self, step: int) -> bool:
        """Returns whether the probe runs after this step. One call may stand for several steps, or come again for one."""
        due = step // self.every_n_steps > self.step // self.every_n_steps
        self.step = step
        return due

    def pass_by(self, step: int) -> Verdict:
        """Takes note of a step after which the probe does not run: limits hold there, too."""
        return self._noted(self.rule.advance(step), step)

    def observe(self, value: float, step: int) -> Verdict:
        self.value = value
        return self._noted(self.rule.observe(value, step), step)

    def _noted(self, verdict: Verdict, step: int) -> Verdict:
        if verdict.stop:
            self.stopped_step = step
        return verdict

    def state_dict(self) -> dict[str, Any]:
        state = {"rule": self.rule.state_dict(), "step": self.step, "stopped_step": self.stopped_step}
        if hasattr(self.probe, "state_dict"):
            state["probe"] = self.probe.state_dict()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues from :meth:`state_dict`, wholly or not at all."""
        try:
            rule, step, stopped_step = (state_dict[name] for name in ("rule", "step", "stopped_step"))
        except (KeyError, TypeError) as error:
            raise StateError(f"not the state_dict of a callback: {error!r}") from error
        before = self.rule.save()
        self.rule.load_state_dict(rule)
        if "probe" in state_dict and hasattr(self.probe, "load_state_dict"):
            try:
                self.probe.load_state_dict(state_dict["probe"])
            except BaseException:
                self.rule.load(before)
                raise
        self.step, self.stopped_step = step, stopped_step
