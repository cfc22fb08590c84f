"""Holds what all rules have in common."""

import base64
import ctypes
import struct
from array import array
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, SupportsFloat, TypeVar

from dvar import _native

_R = TypeVar("_R", bound="Rule")


class Verdict(NamedTuple):
    """Holds what a rule says after an observation. It is true when the rule says stop: ``if rule.observe(loss): break``."""

    stop: bool
    """Whether to stop now. It is not latched: it answers for the latest observation."""
    warming_up: bool
    """Whether the rule has yet to see enough observations; never together with ``stop``."""
    rule: str
    """The name of the rule that stops, such as ``"variance_ratio"``; empty while none does."""
    statistic: float | None
    """The number that was compared with the threshold; ``None`` while there is none, which is neither 0 nor 1."""

    def __bool__(self) -> bool:
        return self.stop


# All fields at once: ctypes takes longer for each.
_fields = struct.Struct("@dP???").unpack_from


def _verdict(native: _native.Verdict) -> Verdict:
    statistic, _, stop, warming_up, has_statistic = _fields(native)
    return Verdict(stop, warming_up, native.rule.decode() if stop else "", statistic if has_statistic else None)


class _Missing:
    """Stands for the native rule of an object that has none: one that was made without the constructor."""

    def __get__(self, rule: "Rule | None", kind: type) -> int:
        if rule is None:
            return 0
        raise TypeError(f"{kind.__name__}: there is no rule in it; its __init__ must call that of a rule's class")


class Rule:
    """Says when to stop: a rule with its state, shown one observation after the other. See :func:`make_rule`, and the
    classes.

    It can be copied and pickled, state included. It is not for two threads at once.
    """

    _handle: int = _Missing()  # type: ignore[assignment]
    _settings: dict[str, Any]

    def __init__(self, text: str) -> None:
        self._settings = {"text": text}
        self._handle = _native.create(text)

    def _create(self, name: str, /, **settings: Any) -> None:
        """Makes the native rule from its name and settings; those that are None are left out."""
        self._settings = settings
        given = [f"{key}={value}" for key, value in settings.items() if value is not None]
        self._handle = _native.create(":".join([name, ",".join(given)] if given else [name]))

    def __del__(self) -> None:
        # When the interpreter ends, the module may be gone, or what it has.
        destroy = getattr(_native, "destroy", None)
        if "_handle" in vars(self) and destroy is not None:
            destroy(self._handle)

    def observe(self, value: SupportsFloat, step: int | None = None) -> Verdict:
        """Takes an observation, finite or not: a float, or what ``float`` takes, such as a tensor of one element.

        ``step`` is the training step (from 1), for the rules that count steps; without it, they count observations.
        """
        if step is None:
            return _verdict(_native.observe(self._handle, float(value)))
        return _verdict(_native.observe_at(self._handle, float(value), _native.size("step", step)))

    def advance(self, step: int, loss: SupportsFloat | None = None) -> Verdict:
        """Takes note that a training step (from 1) is over without an observation, and returns the verdict: limits on steps and
        time hold at every step, however seldom the probe runs. ``loss`` is the step's own loss, which :class:`NonFinite` looks at."""
        known = None if loss is None else ctypes.byref(ctypes.c_double(float(loss)))
        return _verdict(_native.advance(self._handle, _native.size("step", step), known))

    def latest(self) -> Verdict:
        """Returns the verdict on all observations so far."""
        return _verdict(_native.latest(self._handle))

    def reason(self) -> str:
        """Returns the latest verdict as a sentence for people."""
        return _native.reason(self._handle)

    def text(self) -> str:
        """Returns the text by which :func:`make_rule` makes such a rule again, without what it has observed."""
        return _native.text(self._handle)

    def to_json(self) -> str:
        """Returns the same as JSON, which :func:`make_rule` reads too."""
        return _native.to_json(self._handle)

    def report(self) -> dict[str, float | None]:
        """Returns the rule's own numbers as of the latest observation, such as ``ratio``, by their names; ``None`` for those
        that are undefined. A rule of rules reports those of its members: ``patience/best`` where several have a best."""
        return _native.report(self._handle)

    def reset(self) -> None:
        """Makes the rule equal to a new one with the same settings."""
        _native.reset(self._handle)

    def replay(self, values: Iterable[SupportsFloat]) -> int | None:
        """Returns the number (from 1) of the recorded value at which a new rule with these settings would have stopped,
        or ``None``. The rule itself does not change."""
        losses = array("d", map(float, values))
        pointer = ctypes.cast(losses.buffer_info()[0], ctypes.POINTER(ctypes.c_double))
        handle = _native.copy(self._handle)
        try:
            _native.reset(handle)
            stop: int = _native.observe_until_stop(handle, pointer, len(losses))
        finally:
            _native.destroy(handle)
        return stop or None

    def save(self) -> bytes:
        """Returns the exact state, in the format of the C++ library: checked when it is loaded, the same on every machine."""
        return _native.save(self._handle)

    def load(self, state: bytes | bytearray | memoryview) -> None:
        """Continues from the state of a rule with the same settings, bit for bit.

        Raises :class:`StateError` when it is damaged or of another rule; this rule is as it was then.
        """
        _native.load(self._handle, bytes(state))

    def state_dict(self) -> dict[str, Any]:
        """Returns the exact state for a checkpoint, of plain Python types."""
        return {"state": base64.b64encode(self.save()).decode()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues from :meth:`state_dict`. Raises :class:`StateError` as :meth:`load` does."""
        try:
            state = base64.b64decode(state_dict["state"], validate=True)
        except (KeyError, TypeError, ValueError) as error:
            raise _native.StateError(f"not the state_dict of a rule: {error!r}") from error
        self.load(state)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._settings, self.save())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._settings.items())})"


def _restore(kind: type[_R], settings: dict[str, Any], state: bytes) -> _R:
    rule = kind(**settings)
    rule.load(state)
    return rule


def make_rule(text: str) -> Rule:
    """Makes the rule that a text describes, for configuration files: ``"dvar:v1"``, ``"geweke:window=200"``,
    ``"patience:patience=5,min_delta=1e-3,after=100"``, ``"(dvar:v2&slope_test):after=500|steps:6100"``, or the JSON of
    :meth:`Rule.to_json`.

    The names and options are those of the C++ library's ``make_criterion``. Raises :class:`ValueError` for others.
    """
    return Rule(text)
