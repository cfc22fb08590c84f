"""The score and the losses that stops are judged by, and what counts as a wrong stop.

The *held-out score* of a step is the CLIP image similarity of eight samples, always from the same noise, to drawings of the concept
that were not learned from. It is measured every 50 steps, and smoothed by the mean of up to two measurements to either side: a run's
samples change from one measurement to the next while nothing is learned, by 0.027, and the highest of 24 such numbers would be no
score that anything has reached.

The *fall* of a loss is that of its mean over 30 steps to either side, from the first step to its least: the share of it that is done
says what a stop leaves to be learned, with much less noise than samples have.
"""

import numpy as np

# Said before anything was replayed: how much of the score counts.
TOLERANCE = 0.02
LATE = 3.0
REACH = 2


def smoothed(values):
    # No further ahead than back: at the first steps, where scores rise, that would be a score of later. At the end they do not.
    return np.array([values[max(0, i - REACH) : i + min(REACH, i) + 1].mean() for i in range(len(values))])


class Fall:
    """How a loss of a run falls."""

    REACH = 30  # steps to either side

    def __init__(self, run, name):
        self.steps, values = run.measured(name)
        self.means = np.array([values[np.abs(self.steps - step) <= self.reach(run, step)].mean() for step in self.steps])

    def reach(self, run, step):
        # As far as both sides go: a mean over one side alone would lag behind the fall.
        return min(self.REACH, step - self.steps[0], run.steps - step)

    def mostly_done(self, share=0.9):
        """Returns the first measured step at which this share of the fall is done; the first of all where nothing falls."""
        return int(self.steps[np.argmax(self.means <= self.means[0] - share * (self.means[0] - self.means.min()))])

    def share_at(self, step):
        """Returns the share of the fall that is done, below 1 also where the loss has risen again."""
        fall = self.means[0] - self.means.min()
        return float((self.means[0] - np.interp(step, self.steps, self.means)) / fall) if fall > 0 else 1.0


class Score:
    """A run's smoothed score over its steps."""

    def __init__(self, run, name="held_out_clip_score"):
        self.steps, values = run.measured(name)
        self.values = smoothed(values)
        self.budget = run.steps

    def at(self, step):
        """Returns the score at a step, on the line between its neighbours."""
        return float(np.interp(step, self.steps, self.values))

    @property
    def best(self):
        return float(self.values.max())

    @property
    def last(self):
        return float(self.values[-1])

    def good_from(self):
        """Returns the first measured step whose score is within the tolerance of the best."""
        return int(self.steps[np.argmax(self.values >= self.best - TOLERANCE)])

    def judge(self, step):
        """Returns what a stop is: "right", "false" (the score is still to come) or "late" (three times the steps, or the score has
        fallen by more than the tolerance). A rule that never stops ends at the budget."""
        step = self.budget if step is None else step
        until = self.values[self.steps <= max(step, self.steps[0])]
        if max(float(until.max()), self.at(step)) - self.at(step) > TOLERANCE:
            return "late"
        if self.best - self.at(step) > TOLERANCE:
            return "false"
        return "late" if step > LATE * self.good_from() else "right"
