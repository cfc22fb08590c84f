"""A Keras model whose fit ends when it has converged."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import dvar
import keras
import numpy as np
from dvar.keras import ConvergenceStopping


def draw_points(count):
    x = np.random.normal(size=(count, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True) + 0.5 * np.random.normal(size=(count, 1)).astype("float32")


keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(32, activation="tanh"), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.02), "mse")


def loss_of(batch):
    x, y = batch
    return keras.ops.mean(keras.ops.square(model(x, training=False) - y))


probe = dvar.DeterministicProbe(loss_of, {"batch": lambda: draw_points(64)})
stopping = ConvergenceStopping(probe, dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(5000)))
model.fit(*draw_points(4000), batch_size=4, epochs=1000, verbose=0, callbacks=[stopping])

print(f"stopped at step {stopping.stopped_step} by {stopping.rule.latest().rule}: {stopping.rule.reason()}")
