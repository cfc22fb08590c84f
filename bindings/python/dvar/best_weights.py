"""Keeps the weights that a model had when its loss was best."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from dvar._native import StateError


def is_better(value: float, best: float | None, least: bool) -> bool:
    """Returns whether a value is the best so far: finite, and less (or larger) than the best, or the first."""
    return math.isfinite(value) and (best is None or (value < best if least else value > best))


class BestWeights:
    """Keeps a copy of a model's weights as of the best value so far, in the machine's memory:

        best = dvar.BestWeights()
        for step in itertools.count(1):
            train(step)
            best.observe(value := probe(), model, step)
            if rule.observe(value, step):
                break
        best.restore(model)

    A model is a ``torch.nn.Module``, several of them, or a Keras model. Of torch's, the parameters that are learned and the buffers
    are kept: what is frozen stays as it is anyway. Of equal values the first counts, and one that is not finite is never the best.
    """

    _value: float | None
    _step: int | None
    _weights: Any

    def __init__(self, direction: Literal["minimize", "maximize"] = "minimize") -> None:
        if direction not in ("minimize", "maximize"):
            raise ValueError(f"direction must be minimize or maximize, not {direction!r}")
        self._least = direction == "minimize"
        self.reset()

    @property
    def value(self) -> float | None:
        """Returns the best value; ``None`` before the first that is finite."""
        return self._value

    @property
    def step(self) -> int | None:
        """Returns the step at which it was observed."""
        return self._step

    def observe(self, value: float, model: Any, step: int | None = None) -> bool:
        """Copies the weights if the value is the best so far, and returns whether it is. Raises ValueError for weights that lie in
        parts on several ranks (FSDP, ZeRO-3)."""
        if not is_better(value, self._value, self._least):
            return False
        self._weights = _copied(model)
        self._value, self._step = value, step
        return True

    def restore(self, model: Any) -> bool:
        """Puts the best weights into the model, and returns whether there are any. Raises ValueError where they are of another
        model, which is as it was then."""
        if self._weights is None:
            return False
        _put_back(model, self._weights)
        return True

    def reset(self) -> None:
        """Forgets all values and weights."""
        self._value = self._step = self._weights = None

    def state_dict(self) -> dict[str, Any]:
        """Returns value, step and weights, for a checkpoint."""
        return {"value": self._value, "step": self._step, "weights": self._weights}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continues from :meth:`state_dict`. Raises :class:`StateError`, and then nothing has changed."""
        try:
            value, step, weights = (state_dict[name] for name in ("value", "step", "weights"))
        except (KeyError, TypeError) as error:
            raise StateError(f"not the state_dict of the best weights: {error!r}") from error
        if (value is None) != (weights is None):
            raise StateError(f"not the state_dict of the best weights: the value is {value!r}, and the weights are {type(weights).__name__}")
        self._value, self._step, self._weights = value, step, weights


def _is_keras(model: Any) -> bool:
    return hasattr(model, "get_weights") and hasattr(model, "set_weights")


def _tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """Yields what is learned and the buffers; a tensor that has several names (tied weights) once."""
    modules = [model] if hasattr(model, "named_parameters") else list(model)
    for number, module in enumerate(modules):
        for name, parameter in module.named_parameters(prefix=str(number)):
            if parameter.requires_grad:
                yield name, _whole(name, parameter)
        yield from module.named_buffers(prefix=str(number))


def _whole(name: str, parameter: Any) -> Any:
    # DTensor is FSDP's of today, FlatParameter that of before, and ds_id is DeepSpeed's mark.
    kinds = {kind.__name__ for kind in type(parameter).__mro__}
    if kinds & {"DTensor", "FlatParameter"} or hasattr(parameter, "ds_id"):
        raise ValueError(f"the best weights: {name} lies in parts on several ranks; keep checkpoints of the run instead")
    return parameter


def _copied(model: Any) -> Any:
    if _is_keras(model):
        return [weight.copy() for weight in model.get_weights()]
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in _tensors(model)}


def _put_back(model: Any, weights: Any) -> None:
    if _is_keras(model):
        model.set_weights(weights)
        return
    tensors = dict(_tensors(model))
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    saved = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if shapes != saved:
        different = sorted(name for name in shapes.keys() | saved.keys() if shapes.get(name) != saved.get(name))
        raise ValueError(f"the best weights are of another model: {different[0]} is {saved.get(different[0])} there and "
                         f"{shapes.get(different[0])} here")
    for name, tensor in tensors.items():
        tensor.detach().copy_(weights[name])
