"""The rules that are compared, as texts of --stop, and the grids of their settings."""

import itertools

# What a rule is shown, and what has to be paid for it beside the steps.
PROBE, HELD_OUT, SCORE, LOSS = "probe_loss", "held_out_probe_loss", "clip_score", "loss"

# Rules with the settings that they come with.
AS_THEY_COME = {
    "DVAR, first settings": ("dvar:v1", PROBE),
    "DVAR, later settings": ("dvar:v2", PROBE),
    "CLIP-s": ("clip:v2", SCORE),
    "slope test": ("slope_test", PROBE),
    "diminishing returns": ("diminishing_returns", PROBE),
    "sequential test": ("sequential_test", PROBE),
}


def settings(rule, **values):
    """Returns the texts of a rule for every combination of the values."""
    texts = []
    for combination in itertools.product(*values.values()):
        options = ",".join(f"{name}={value:g}" for name, value in zip(values, combination))
        texts.append(f"{rule}:{options}")
    return texts


def shown(rules, column):
    return [(text, column) for text in rules]


def families():
    """Returns {family: [(text, column)]}: every criterion on a loss, over a grid that spans what makes sense for 1,200 steps."""
    return {
        "DVAR": shown(settings("variance_ratio", window=[50, 100, 150, 200, 310], threshold=[0.05, 0.1, 0.15, 0.25, 0.39, 0.5]), PROBE),
        "diminishing returns": shown(settings("diminishing_returns", window=[60, 120, 240, 360], block=[10, 30], share=[0.05, 0.1, 0.25, 0.5]), PROBE),
        "sequential test": shown(settings("sequential_test", first=[100, 200], lag=[0.5, 1], pairs=[16, 32], share=[0.1, 0.2]), PROBE),
        "patience": shown(settings("patience", patience=[10, 20, 40, 80, 160], min_delta=[0, 1e-5, 1e-4, 3e-4, 1e-3]), PROBE),
        "slope test": shown(settings("slope_test", window=[30, 60, 100, 200, 310], probability=[0.1, 0.3, 0.51, 0.9]), PROBE),
        "plateau": shown(settings("plateau", window=[20, 50, 100, 200], tolerance=[0, 1e-4, 3e-4, 1e-3]), PROBE),
        "Geweke": shown(settings("geweke", window=[60, 100, 200, 310], threshold=[1, 1.96, 4]), PROBE),
        "trend": shown(settings("trend", window=[50, 100, 200, 310], threshold=[3e-7, 1e-6, 3e-6, 1e-5]), PROBE),
        "Hall": shown(settings("hall", window=[50, 100, 200, 310], threshold=[0.003, 0.01, 0.02, 0.04]), PROBE),
        "EMA percentile": shown(settings("ema_percentile", lag=[50, 100, 200, 310], threshold=[0.0003, 0.001, 0.003]), PROBE),
        "patience, held out": shown(settings("patience", patience=[2, 4, 6, 10, 20], min_delta=[0, 1e-5, 1e-4, 3e-4]), HELD_OUT),
        "GL, held out": shown(settings("generalization_loss", alpha=[0.05, 0.1, 0.2, 0.5, 1]), HELD_OUT),
        "PQ, held out": shown(settings("progress_quotient", alpha=[0.1, 0.3, 0.75, 2], strip=[3, 5, 10]), HELD_OUT),
        "UP, held out": shown(settings("successive_rises", rises=[2, 3], strip=[2, 3, 5, 10]), HELD_OUT),
        "DVAR, held out": shown(settings("variance_ratio", window=[5, 10, 15, 20, 31], threshold=[0.05, 0.15, 0.39]), HELD_OUT),
        "slope test, held out": shown(settings("slope_test", window=[6, 10, 20, 31], probability=[0.1, 0.3, 0.51, 0.9]), HELD_OUT),
        "diminishing returns, held out": shown(settings("diminishing_returns", window=[4, 8, 16], block=[1], share=[0.05, 0.1, 0.25, 0.5]), HELD_OUT),
        "slope test, training loss": shown(settings("slope_test", window=[100, 200, 310], probability=[0.1, 0.3, 0.51]), LOSS),
        "plateau, training loss": shown(settings("plateau", window=[50, 100, 200], tolerance=[0, 1e-3]), LOSS),
        "DVAR, training loss": shown(settings("variance_ratio", window=[100, 200, 310], threshold=[0.15, 0.39, 0.7]), LOSS),
    }  # fmt: skip
