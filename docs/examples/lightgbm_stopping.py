"""Trees by LightGBM, until the loss on the evaluation set says that more of them change nothing."""

import dvar
import lightgbm
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split


def convergence_stopping(rule):
    """A callback that shows a rule the first metric of the first evaluation set after every round."""

    def callback(env):
        loss = env.evaluation_result_list[0][2]
        if rule.observe(loss, env.iteration + 1):
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    callback.order = 30  # as LightGBM's own early stopping: after the evaluation
    return callback


x_train, x_test, y_train, y_test = train_test_split(*load_breast_cancer(return_X_y=True), test_size=0.3, random_state=1)
rule = dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(5000))
data = lightgbm.Dataset(x_train, y_train)
model = lightgbm.train(
    {"objective": "binary", "num_leaves": 4, "learning_rate": 0.02, "num_threads": 1, "seed": 1, "verbosity": -1},
    data,
    num_boost_round=10_000,
    valid_sets=[lightgbm.Dataset(x_test, y_test, reference=data)],
    callbacks=[convergence_stopping(rule)],
)

print(f"stopped at step {model.best_iteration} by {rule.latest().rule}: {rule.reason()}")
