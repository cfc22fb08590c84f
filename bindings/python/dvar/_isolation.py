"""Keeps an evaluation from disturbing the training: random states, evaluation mode, no gradients.

NumPy and torch are looked at only where the program has imported them.
"""

import contextlib
import random
import sys
from collections.abc import Iterable, Iterator
from typing import Any


def _torch() -> Any:
    return sys.modules.get("torch")


def _numpy() -> Any:
    return sys.modules.get("numpy")


def _cuda_in_use() -> bool:
    torch = _torch()
    return torch is not None and bool(torch.cuda.is_initialized())


def random_states() -> dict[str, Any]:
    """Returns the states of the global generators of Python, NumPy and torch (on every device that is in use)."""
    states: dict[str, Any] = {"python": random.getstate()}
    if numpy := _numpy():
        states["numpy"] = numpy.random.get_state()
    if torch := _torch():
        states["torch"] = torch.get_rng_state()
        if _cuda_in_use():
            states["cuda"] = torch.cuda.get_rng_state_all()
        if torch.backends.mps.is_available():
            states["mps"] = torch.mps.get_rng_state()
    return states


def portable(states: dict[str, Any]) -> dict[str, Any]:
    """Returns the states as types that ``torch.load`` reads with ``weights_only=True``."""
    if "numpy" not in states:
        return states
    name, key, position, has_gauss, gauss = states["numpy"]
    return states | {"numpy": (name, key.tolist(), position, has_gauss, gauss)}


def set_random_states(states: dict[str, Any]) -> None:
    """Puts back what :func:`random_states` or :func:`portable` returned, on the devices that are in use now. Torch's states
    may lie on any device, as ``torch.load`` leaves them with a ``map_location``."""
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    if "numpy" in states and (numpy := _numpy()):
        numpy.random.set_state(states["numpy"])
    if torch := _torch():
        if "torch" in states:
            torch.set_rng_state(states["torch"].cpu())
        if "cuda" in states and _cuda_in_use():
            torch.cuda.set_rng_state_all([state.cpu() for state in states["cuda"]])
        if "mps" in states and torch.backends.mps.is_available():
            torch.mps.set_rng_state(states["mps"].cpu())


def seed_all(seed: int) -> None:
    """Seeds the global generators. Devices that are not in use yet are left alone: ``torch.manual_seed`` would note the
    seed for them, and training would begin with it there."""
    random.seed(seed)
    if numpy := _numpy():
        numpy.random.seed(seed % 2**32)
    if torch := _torch():
        torch.default_generator.manual_seed(seed)
        if _cuda_in_use():
            torch.cuda.manual_seed_all(seed)
        if torch.backends.mps.is_available():
            torch.mps.manual_seed(seed)


def _generator_state(generator: Any) -> Any:
    if hasattr(generator, "get_state"):  # torch.Generator, numpy.random.RandomState
        return generator.get_state()
    if hasattr(generator, "getstate"):  # random.Random
        return generator.getstate()
    if hasattr(generator, "bit_generator"):  # numpy.random.Generator
        return generator.bit_generator.state
    raise TypeError(
        f"preserve: expected generators of random, numpy.random or torch, not {type(generator).__name__}"
    )


def _set_generator_state(generator: Any, state: Any) -> None:
    if hasattr(generator, "set_state"):
        generator.set_state(state)
    elif hasattr(generator, "setstate"):
        generator.setstate(state)
    else:
        generator.bit_generator.state = state


@contextlib.contextmanager
def preserved(generators: Iterable[Any]) -> Iterator[None]:
    """Leaves the global generators, and those given, as they were. Raises RuntimeError if CUDA came into use meanwhile:
    what was drawn there was not seeded, and there is no state to put back."""
    cuda = _cuda_in_use()
    states = random_states()
    own = [(generator, _generator_state(generator)) for generator in generators]
    try:
        yield
    finally:
        for generator, state in own:
            _set_generator_state(generator, state)
        set_random_states(states)
    if _cuda_in_use() and not cuda:
        raise RuntimeError("the probe was the first to use CUDA: call torch.cuda.init() before it is made")


@contextlib.contextmanager
def evaluating(models: Iterable[Any]) -> Iterator[None]:
    """Enters evaluation mode without gradients, if there is torch. Every submodule gets back the mode that it was in."""
    modes = [(module, module.training) for model in models for module in model.modules()]
    with contextlib.ExitStack() as stack:
        if torch := _torch():
            stack.enter_context(torch.no_grad())
        try:
            for model in models:
                model.eval()
            yield
        finally:
            for module, training in modes:
                module.training = training
