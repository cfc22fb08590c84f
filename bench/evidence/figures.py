"""The pictures of docs/evidence, as SVG: the same data give the same bytes."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

matplotlib.rcParams.update({
    "svg.hashsalt": "dvar", "svg.fonttype": "path", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.alpha": 0.25, "figure.facecolor": "white",
})  # fmt: skip


def save(figure, file):
    figure.savefig(file, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def band(axes, steps, rows, label):
    low, middle, high = np.percentile(rows, [25, 50, 75], axis=0)
    (line,) = axes.plot(steps, middle, label=label)
    axes.fill_between(steps, low, high, alpha=0.15, color=line.get_color(), linewidth=0)


def draw_courses(measures, stops, file):
    """Draws how losses and score go over the steps, and where DVAR stops: medians and quartiles over the runs."""
    steps = measures.scores[0].steps
    figure, (shares, scores) = plt.subplots(2, 1, figsize=(7, 5.5), sharex=True)
    band(shares, steps, [[fall.share_at(step) for step in steps] for fall in measures.probe], "pictures learned from")
    band(shares, steps, [[fall.share_at(step) for step in steps] for fall in measures.held_out], "pictures held out")
    shares.set_ylabel("share of the loss's fall")
    shares.legend(loc="lower right", title="probe loss of")
    band(scores, steps, [score.values - score.last for score in measures.scores], None)
    scores.axhline(0, color="black", linewidth=0.8)
    scores.set_ylabel("held-out score,\nagainst the full budget's last")
    scores.set_xlabel("step; the marks below are DVAR's stops")
    shown = [stop for stop in stops if stop is not None]
    scores.plot(shown, np.full(len(shown), scores.get_ylim()[0]), "|", color="black", markersize=8)
    save(figure, file)


def draw_front(rows, named, file):
    """Draws every setting of every family: what it loses against how long it takes. `named` are chosen settings."""
    figure, axes = plt.subplots(figsize=(7.5, 5))
    families = list(dict.fromkeys(row["family"] for row in rows))
    colors = plt.get_cmap("tab20")
    for i, family in enumerate(families):
        own = [row for row in rows if row["family"] == family]
        marker = "s" if "held out" in family else "x" if "training" in family else "o"
        axes.plot([row["reported_steps"] for row in own], [row["reported_lost"] for row in own], marker, markersize=4,
                  color=colors(i % 20), label=family, alpha=0.8, linestyle="none")  # fmt: skip
    for name, (steps, lost) in named.items():
        axes.annotate(name, (steps, lost), xytext=(6, 6), textcoords="offset points", fontsize=8)
        axes.plot([steps], [lost], "*", color="black", markersize=9)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("steps, median")
    axes.set_ylabel("held-out score lost against the full budget's last, mean")
    axes.legend(fontsize=7, ncols=2)
    save(figure, file)
