"""dvar::patience, and the rules beside it, stop where the EarlyStopping of Keras, Lightning and Ignite stops."""

import logging
import os
import subprocess
import types
from collections import Counter

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch
from ignite.engine import Engine
from ignite.handlers import EarlyStopping as IgniteEarlyStopping
from paths import BIN
from pytorch_lightning.callbacks import EarlyStopping as LightningEarlyStopping
from pytorch_lightning.trainer.states import TrainerFn

PROGRAM = BIN / "replay_patience"
logging.getLogger("ignite").setLevel(logging.WARNING)


class Case:
    """Settings, in our terms, and the values of a trace."""

    def __init__(self, rng, special_values, **settings):
        self.mode = rng.choice(["min", "max"])
        self.patience = int(rng.integers(1, 7))
        self.min_delta = float(rng.choice([0, 0, 0.0625, 0.25, 1.0]))
        self.scale = "absolute"
        self.measured_from = "last_improvement"
        self.first = "accepted"
        self.baseline = None
        self.start_from = 0
        self.threshold = self.divergence = None
        self.values = random_values(rng, special_values)
        for name, value in settings.items():
            assert hasattr(self, name)
            setattr(self, name, value)

    def line(self):
        direction = {"min": "minimize", "max": "maximize"}[self.mode]
        words = (direction, self.patience, self.min_delta, self.scale, self.measured_from, self.first, self.baseline,
                 self.start_from, self.threshold, self.divergence, *self.values)
        return " ".join("none" if word is None else str(word) for word in words)


def random_values(rng, special_values):
    """Traces that improve, stall and get worse. Every other one has multiples of 1/16 for values: sums and products with
    min_delta are exact, so that equal means equal, in whatever order and precision a peer computes. (Keras compares in
    fp32.) Some have a NaN or infinities, the first observation among them."""
    length = int(rng.integers(2, 70))
    steps = rng.normal(size=length) - rng.choice([-0.3, 0, 0.3])
    values = rng.uniform(8, 20) + rng.choice([0.1, 0.4, 1]) * np.cumsum(steps)
    values = np.abs(values) + 0.0625
    if rng.integers(2):
        values = np.maximum(np.round(16 * values), 1) / 16
    for value in special_values:
        if rng.integers(3) == 0:
            values[rng.choice([0, *range(length)])] = value
    return values.tolist()


def ours(cases):
    result = subprocess.run(
        [PROGRAM], input="\n".join(case.line() for case in cases), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    answers = [line.split() for line in result.stdout.splitlines()]
    assert len(answers) == len(cases)
    return [(int(stop), reason) for stop, reason in answers]


def check(cases, theirs):
    """Every case stops where the peer does; and many do, and many do not."""
    answers = ours(cases)
    for case, answer in zip(cases, answers):
        assert answer == theirs(case), case.line()
    stopped = sum(stop > 0 for stop, _ in answers)
    assert 0.3 * len(cases) < stopped < len(cases), f"{stopped} of {len(cases)} stop: the traces should do both"
    return Counter(reason for _, reason in answers)


def keras_stop(case):
    callback = keras.callbacks.EarlyStopping(
        monitor="loss", min_delta=case.min_delta, patience=case.patience, mode=case.mode, baseline=case.baseline,
        start_from_epoch=case.start_from,
    )
    model = types.SimpleNamespace(stop_training=False)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(case.values):
        callback.on_epoch_end(epoch, {"loss": value})
        if model.stop_training:
            return epoch + 1, "patience"
    return 0, "none"


def test_keras():
    rng = np.random.default_rng(1)
    cases = [
        Case(
            rng,
            [np.nan, np.inf, -np.inf],
            baseline=float(rng.integers(6, 22)) if rng.integers(2) else None,
            start_from=int(rng.choice([0, 0, 1, 5])),
        )
        for _ in range(3000)
    ]
    check(cases, keras_stop)


def test_keras_patience_0_is_patience_1():
    rng = np.random.default_rng(2)
    cases = [Case(rng, [], patience=1) for _ in range(100)]

    def theirs(case):
        answer = keras_stop(case)
        case.patience = 0
        assert keras_stop(case) == answer
        return answer

    check(cases, theirs)


def lightning_stop(case):
    callback = LightningEarlyStopping(
        "loss", min_delta=case.min_delta, patience=case.patience, mode=case.mode, check_finite=case.threshold is not None,
        stopping_threshold=case.threshold, divergence_threshold=case.divergence, check_on_train_epoch_end=True,
    )
    trainer = types.SimpleNamespace(
        state=types.SimpleNamespace(fn=TrainerFn.FITTING), sanity_checking=False, fast_dev_run=False, should_stop=False,
        current_epoch=0, strategy=types.SimpleNamespace(reduce_boolean_decision=lambda decision, all: decision),
    )
    reasons = {"NON_FINITE_METRIC": "non_finite", "STOPPING_THRESHOLD": "threshold",
               "DIVERGENCE_THRESHOLD": "divergence", "PATIENCE_EXHAUSTED": "patience"}
    for number, value in enumerate(case.values, start=1):
        trainer.callback_metrics = {"loss": torch.tensor(value, dtype=torch.float64)}
        callback.on_train_epoch_end(trainer, None)
        if trainer.should_stop:
            return number, reasons[callback.stopping_reason.name]
    return 0, "none"


def test_lightning():
    rng = np.random.default_rng(3)
    cases = [Case(rng, [np.nan, np.inf, -np.inf], first="against_infinity") for _ in range(3000)]
    check(cases, lightning_stop)


def test_lightning_with_its_other_reasons():
    rng = np.random.default_rng(4)
    cases = []
    for _ in range(3000):
        case = Case(rng, [np.nan, np.inf, -np.inf], first="against_infinity")
        good, bad = float(rng.integers(2, 9)), float(rng.integers(18, 28))
        case.threshold, case.divergence = (good, bad) if case.mode == "min" else (bad, good)
        cases.append(case)
    reasons = check(cases, lightning_stop)
    assert min(reasons[name] for name in ("non_finite", "threshold", "divergence", "patience")) > 50, reasons


def ignite_stop(case):
    values = iter(case.values)
    trainer = Engine(lambda engine, batch: None)
    handler = IgniteEarlyStopping(
        case.patience, lambda engine: next(values), trainer, threshold=case.min_delta,
        cumulative=case.measured_from == "last_improvement", threshold_mode=case.scale[:3], mode=case.mode,
    )
    for number in range(1, len(case.values) + 1):
        handler(trainer)
        if trainer.should_terminate:
            return number, "patience"
    return 0, "none"


def test_ignite():
    rng = np.random.default_rng(5)
    cases = [
        Case(
            rng,
            [],
            scale=str(rng.choice(["absolute", "relative"])),
            measured_from=str(rng.choice(["last_improvement", "best"])),
        )
        for _ in range(4000)
    ]
    check(cases, ignite_stop)


def test_the_semantics_differ():
    """Otherwise the options would be names only: each peer's differs from the others' on some trace."""
    rng = np.random.default_rng(6)
    cases = [Case(rng, [np.nan, np.inf, -np.inf]) for _ in range(300)]
    answers = ours(cases)
    for change in ({"first": "against_infinity"}, {"measured_from": "best"}, {"scale": "relative"}, {"start_from": 3}):
        before = [dict(vars(case)) for case in cases]
        for case in cases:
            vars(case).update(change)
        assert ours(cases) != answers, change
        for case, settings in zip(cases, before):
            vars(case).update(settings)
