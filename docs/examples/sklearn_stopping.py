"""scikit-learn's partial_fit, step by step until the held-out loss says that it has converged."""

import itertools

import dvar
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

x, y = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x / 16.0, y, test_size=0.25, random_state=1)
classes = np.unique(y)
model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01, random_state=1)
draws = np.random.default_rng(1)
rule = dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(5000))

for step in itertools.count(1):
    batch = draws.integers(len(x_train), size=16)
    model.partial_fit(x_train[batch], y_train[batch], classes=classes)
    # The same samples every time: a loss on held-out data is deterministic by itself.
    if rule.observe(log_loss(y_test, model.predict_proba(x_test), labels=classes), step):
        break

print(f"stopped at step {step} by {rule.latest().rule}: {rule.reason()}")
print(f"accuracy on held-out digits: {model.score(x_test, y_test):.3f}")
