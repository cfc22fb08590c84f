"""Trees by XGBoost, until the loss on the evaluation set says that more of them change nothing."""

import dvar
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split


class ConvergenceStopping(xgboost.callback.TrainingCallback):
    """Shows a rule the loss on an evaluation set after every round."""

    def __init__(self, rule, data, metric):
        super().__init__()
        self.rule, self.data, self.metric = rule, data, metric

    def after_iteration(self, model, epoch, evals_log):
        # A round is a step, from 1; the metric's values are the mean, or (mean, deviation) in cross-validation.
        return self.rule.observe(evals_log[self.data][self.metric][-1], epoch + 1).stop


x_train, x_test, y_train, y_test = train_test_split(*load_breast_cancer(return_X_y=True), test_size=0.3, random_state=1)
rule = dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(5000))
model = xgboost.train(
    {"objective": "binary:logistic", "eval_metric": "logloss", "max_depth": 2, "eta": 0.02, "nthread": 1, "seed": 1},
    xgboost.DMatrix(x_train, y_train),
    num_boost_round=10_000,
    evals=[(xgboost.DMatrix(x_test, y_test), "held_out")],
    callbacks=[ConvergenceStopping(rule, "held_out", "logloss")],
    verbose_eval=False,
)

print(f"stopped at step {model.num_boosted_rounds()} by {rule.latest().rule}: {rule.reason()}")
