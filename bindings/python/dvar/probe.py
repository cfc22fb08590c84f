"""Evaluates a loss on inputs that are drawn once and held fixed."""

import hashlib
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, SupportsFloat

from dvar import _isolation
from dvar._fingerprint import fingerprint
from dvar._native import StateError


class DeterministicProbe:
    """Evaluates a loss on inputs that are drawn once and then held fixed (or, source by source, drawn anew): what varies
    from one evaluation to the next is the model. It is L_det of "Is This Loss Informative?" (arXiv 2302.04841).

        probe = DeterministicProbe(
            lambda images, noise: loss(model, images, noise),
            {"images": draw_images, "noise": lambda images: torch.randn_like(images)},
            model=model,
        )
        value = probe()

    Training goes on after an evaluation as if there had been none. The random states of Python, NumPy and torch, and those
    in ``preserve``, are put back; so is the mode of every submodule of ``model``, which is evaluated in evaluation mode and
    without gradients.

    Draws within the loss itself are the same in every evaluation too, if they come from the global generators: each begins
    with the same state.

    A loss that changes a fixed value in place is refused: the value would be another in the next evaluation. Tensors, arrays, and
    containers of them and of plain values are looked at.
    """

    _stream: dict[str, Any]  # the random states that the resampled sources draw from next

    def __init__(
        self,
        loss: Callable[..., SupportsFloat],
        sources: Mapping[str, Callable[..., Any]] | None = None,
        *,
        resample: Collection[str] = (),
        model: Any = None,
        seed: int = 0,
        preserve: Iterable[Any] = (),
    ) -> None:
        """``loss`` is called with the value of each source by its name, and returns a number. Return it in fp32 or better:
        the movement that a rule is to see may be less than the spacing of fp16.

        A source is a function that draws from the global generators. Its parameters are names of sources before it, whose
        values it gets. Those in ``resample`` are drawn anew in every evaluation, the others now.

        ``model`` is a ``torch.nn.Module`` or several; ``None`` if there is no mode to change. ``seed`` decides all draws.
        ``preserve`` are generators (of ``random``, ``numpy.random`` or ``torch``) that the loss or the sources use beside
        the global ones.
        """
        self._loss = loss
        self._sources = dict(sources or {})
        self._resample = frozenset(resample)
        self._models = [] if model is None else [model] if hasattr(model, "modules") else list(model)
        self._preserve = list(preserve)
        self._needs = self._checked_needs()
        self._check_loss()
        self._values: dict[str, Any] = {}
        self._start(seed)

    def __call__(self) -> float:
        """Returns the loss on the fixed values, and on new values of the resampled sources. Raises what the loss raises,
        and has put everything back then too; RuntimeError where it changed a fixed value, which is drawn again then."""
        with _isolation.preserved(self._preserve), _isolation.evaluating(self._models):
            values = dict(self._values)
            if self._resample:
                _isolation.set_random_states(self._stream)
                self._draw(values, resampled=True)
                self._stream = _isolation.random_states()
            _isolation.seed_all(_seed_for(self._seed, "loss"))
            loss = float(self._loss(**values))
        changed = [name for name, value in self._values.items() if fingerprint(value) != self._fingerprints[name]]
        if changed:
            self._start(self._seed)
            raise RuntimeError(f"the loss changed {', '.join(changed)} in place: let it work on a copy")
        return loss

    @property
    def values(self) -> Mapping[str, Any]:
        """Returns the fixed values by name."""
        return MappingProxyType(self._values)

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint needs: the seed, and how far the draws of the resampled sources are. The fixed values
        are drawn again from the seed, so the sources must draw from the same data then."""
        return {"seed": self._seed, "stream": _isolation.portable(self._stream) if self._resample else None}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues the probe of :meth:`state_dict`: draws the fixed values again, if its seed was another one.
        Raises :class:`StateError`, and then the probe is as it was."""
        try:
            seed, stream = state_dict["seed"], state_dict["stream"]
            if self._resample and stream is not None:
                with _isolation.preserved(()):
                    _isolation.set_random_states(stream)
        except Exception as error:
            raise StateError(f"not the state_dict of a probe: {error!r}") from error
        if seed != self._seed:
            self._start(seed)
        if self._resample and stream is not None:
            self._stream = stream

    def _start(self, seed: int) -> None:
        values: dict[str, Any] = {}
        with _isolation.preserved(self._preserve), _isolation.evaluating(self._models):
            _isolation.seed_all(_seed_for(seed, "fixed"))
            self._draw(values, resampled=False)
            _isolation.seed_all(_seed_for(seed, "resampled"))
            stream = _isolation.random_states()
        self._seed, self._stream, self._values = seed, stream, values
        self._fingerprints = {name: fingerprint(value) for name, value in values.items()}

    def _draw(self, values: dict[str, Any], resampled: bool) -> None:
        for name, draw in self._sources.items():
            if (name in self._resample) == resampled:
                values[name] = draw(**{need: values[need] for need in self._needs[name]})

    def _check_loss(self) -> None:
        """Raises TypeError where the loss does not take the sources, and these alone."""
        if not callable(self._loss):
            raise TypeError(f"loss: expected a function, not {type(self._loss).__name__}")
        try:
            signature = inspect.signature(self._loss)
        except ValueError:  # Python cannot tell, as for some functions written in C.
            return
        try:
            signature.bind(**dict.fromkeys(self._sources))
        except TypeError as error:
            names = ", ".join(self._sources) or "none"
            raise TypeError(f"loss: it is called with the sources by their names ({names}), and has {signature}: {error}") from None

    def _checked_needs(self) -> dict[str, list[str]]:
        """Returns the sources that each source asks for by its parameters."""
        if unknown := self._resample - self._sources.keys():
            raise ValueError(f"resample: there is no source {', '.join(sorted(unknown))}")
        needs: dict[str, list[str]] = {}
        for name, draw in self._sources.items():
            if not callable(draw):
                raise TypeError(f"source {name}: expected a function that draws, not {type(draw).__name__}")
            needs[name] = _parameters(draw)
            for need in needs[name]:
                if need not in needs or need == name:
                    raise ValueError(f"source {name}: its parameter {need} is no source before it")
                if need in self._resample and name not in self._resample:
                    raise ValueError(f"source {name} is fixed, and {need}, which it needs, is resampled")
        return needs


def _seed_for(seed: int, purpose: str) -> int:
    """Returns unlike seeds, or the loss would draw the very numbers that the sources drew."""
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def _parameters(draw: Callable[..., Any]) -> list[str]:
    """Returns the parameters without defaults; none where Python cannot tell, as for some functions written in C."""
    try:
        parameters = inspect.signature(draw).parameters.values()
    except ValueError:
        return []
    return [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
