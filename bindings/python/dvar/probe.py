"""Evaluates a loss on inputs that are drawn once and held fixed."""

import hashlib
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, SupportsFloat

from dvar import _isolation


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
        self._values: dict[str, Any] = {}
        self._start(seed)

    def __call__(self) -> float:
        """Returns the loss on the fixed values, and on new values of the resampled sources. Raises what the loss raises,
        and has put everything back then too."""
        with _isolation.preserved(self._preserve), _isolation.evaluating(self._models):
            values = dict(self._values)
            if self._resample:
                _isolation.set_random_states(self._stream)
                self._draw(values, resampled=True)
                self._stream = _isolation.random_states()
            _isolation.seed_all(self._seed_of("loss"))
            return float(self._loss(**values))

    @property
    def values(self) -> Mapping[str, Any]:
        """Returns the fixed values by name."""
        return MappingProxyType(self._values)

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint needs: the seed, and how far the draws of the resampled sources are. The fixed values
        are drawn again from the seed, so the sources must draw from the same data then."""
        return {"seed": self._seed, "stream": _isolation.portable(self._stream) if self._resample else None}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues the probe of :meth:`state_dict`: draws the fixed values again, if its seed was another one."""
        if state_dict["seed"] != self._seed:
            self._start(state_dict["seed"])
        if self._resample and state_dict["stream"] is not None:
            self._stream = state_dict["stream"]

    def _start(self, seed: int) -> None:
        self._seed = seed
        values: dict[str, Any] = {}
        with _isolation.preserved(self._preserve), _isolation.evaluating(self._models):
            _isolation.seed_all(self._seed_of("fixed"))
            self._draw(values, resampled=False)
            _isolation.seed_all(self._seed_of("resampled"))
            self._stream = _isolation.random_states()
        self._values = values

    def _draw(self, values: dict[str, Any], resampled: bool) -> None:
        for name, draw in self._sources.items():
            if (name in self._resample) == resampled:
                values[name] = draw(**{need: values[need] for need in self._needs[name]})

    def _seed_of(self, purpose: str) -> int:
        """Returns unlike seeds, or the loss would draw the very numbers that the sources drew."""
        digest = hashlib.blake2b(f"{self._seed} {purpose}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "little")

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
