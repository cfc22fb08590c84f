"""Holds what the callbacks have in common."""

from collections.abc import Callable, Mapping
from typing import Any

from dvar.rule import Rule, Verdict


class Stopping:
    """Joins a probe, a rule and a cadence over training steps."""

    def __init__(self, probe: Callable[[], float], rule: Rule, every_n_steps: int) -> None:
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be at least 1, not {every_n_steps}")
        self.probe = probe
        self.rule = rule
        self.every_n_steps = every_n_steps
        self.step = 0
        self.stopped_step: int | None = None
        self.value: float | None = None

    def due(self, step: int) -> bool:
        """Returns whether the probe runs after this step. One call may stand for several steps, or come again for one."""
        due = step // self.every_n_steps > self.step // self.every_n_steps
        self.step = step
        return due

    def observe(self, value: float, step: int) -> Verdict:
        self.value = value
        verdict = self.rule.observe(value, step)
        if verdict.stop:
            self.stopped_step = step
        return verdict

    def state_dict(self) -> dict[str, Any]:
        state = {"rule": self.rule.state_dict(), "step": self.step, "stopped_step": self.stopped_step}
        if hasattr(self.probe, "state_dict"):
            state["probe"] = self.probe.state_dict()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.rule.load_state_dict(state_dict["rule"])
        self.step = state_dict["step"]
        self.stopped_step = state_dict["stopped_step"]
        if "probe" in state_dict and hasattr(self.probe, "load_state_dict"):
            self.probe.load_state_dict(state_dict["probe"])
