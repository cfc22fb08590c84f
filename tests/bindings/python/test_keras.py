"""dvar.keras in real trainings with Keras 3 on torch: stops where C++ does, and disturbs nothing."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import dvar
import keras
import numpy as np
from dvar.keras import ConvergenceStopping
from replay import replay

RULE = "variance_ratio:window=30,threshold=0.15"


def points(count, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True) + 0.5 * rng.normal(size=(count, 1)).astype("float32")


def new_model():
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.layers.Dense(16, activation="tanh"), keras.layers.Dropout(0.1), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.05), "mse")
    model.build((None, 3))
    return model


def recording_probe(model):
    values = []
    probe = dvar.DeterministicProbe(
        lambda batch: keras.ops.mean(keras.ops.square(model(batch[0], training=False) - batch[1])),
        {"batch": lambda: points(64, seed=int(np.random.randint(100)))},
    )

    def measure():
        values.append(probe())
        return values[-1]

    return measure, values


def fit(model, callbacks, epochs=100):
    return model.fit(*points(80, seed=5), batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks)


def test_stops_where_cpp_stops_and_disturbs_nothing():
    model = new_model()
    probe, values = recording_probe(model)
    callback = ConvergenceStopping(probe, dvar.VarianceRatio(window=30, threshold=0.15))
    fit(model, [callback])
    stop = int(model.optimizer.iterations)
    assert 31 <= stop == callback.stopped_step == len(values) < 2000
    (expected,) = replay([(RULE, values)])
    assert expected.stop == stop
    assert callback.rule.save() == expected.state

    class After(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = int(self.model.optimizer.iterations) == stop

    alone = new_model()
    fit(alone, [After()])
    assert int(alone.optimizer.iterations) == stop
    assert all(np.array_equal(a, b) for a, b in zip(alone.get_weights(), model.get_weights()))


def test_goes_on_from_its_state_and_from_one_fit_to_the_next():
    model = new_model()
    probe, values = recording_probe(model)
    callback = ConvergenceStopping(probe, dvar.VarianceRatio(window=30, threshold=0.15))
    fit(model, [callback], epochs=1)
    assert len(values) == 20 and callback.stopped_step is None

    other = ConvergenceStopping(probe, dvar.VarianceRatio(window=30, threshold=0.15))
    other.load_state_dict(callback.state_dict())
    fit(model, [other])
    (expected,) = replay([(RULE, values)])
    assert other.stopped_step == expected.stop == int(model.optimizer.iterations) == len(values)
    assert other.rule.save() == expected.state


def test_counts_optimizer_steps():
    model = new_model()
    probe, values = recording_probe(model)
    callback = ConvergenceStopping(probe, dvar.StepLimit(23), every_n_steps=10)
    fit(model, [callback])
    # The probe runs at 10 and 20; the limit holds at every step.
    assert (len(values), int(model.optimizer.iterations), callback.stopped_step) == (2, 23, 23)


def test_sees_a_step_that_stands_for_several():
    model = new_model()
    probe, values = recording_probe(model)
    callback = ConvergenceStopping(probe, dvar.StepLimit(1000), every_n_steps=10)
    callback.set_model(model)
    for step in (5, 12, 12, 19, 40):  # due at 12, for 10, and at 40
        model.optimizer.iterations.assign(step)
        callback.on_train_batch_end(0)
    assert len(values) == 2


def test_the_rule_is_the_published_one():
    expected = dvar.AnyOf(dvar.VarianceRatio.v2(), dvar.NonFinite(), dvar.StepLimit(6100))
    assert repr(ConvergenceStopping(lambda: 0.0).rule) == repr(expected)


def test_restores_the_best_weights():
    model = new_model()
    probe, values = recording_probe(model)
    callback = ConvergenceStopping(probe, dvar.StepLimit(60), restore_best_weights=True)
    fit(model, [callback])
    best = values.index(min(values)) + 1
    assert (callback.best.step, callback.best.value) == (best, min(values)) and best < 60

    class After(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = int(self.model.optimizer.iterations) == best

    alone = new_model()
    fit(alone, [After()])
    assert all(np.array_equal(a, b) for a, b in zip(alone.get_weights(), model.get_weights()))
