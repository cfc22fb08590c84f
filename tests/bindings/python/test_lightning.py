"""dvar.lightning in real trainers: stops where C++ does, disturbs nothing, and survives a checkpoint."""

import logging
import warnings

import dvar
import pytest
import pytorch_lightning as pl
import torch
from dvar.lightning import ConvergenceStopping
from pytorch_lightning.callbacks import ModelCheckpoint
from replay import replay

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="pytorch_lightning")
torch.set_num_threads(1)

RULE = "variance_ratio:window=30,threshold=0.15"


class Model(pl.LightningModule):
    """A line through noisy points, with dropout. If `seeded`, the number of a step decides its batch and its draws, so that a
    training can be interrupted at any step: Lightning saves neither random states nor the place in the data."""

    def __init__(self, seeded=False):
        super().__init__()
        self.seeded = seeded
        torch.manual_seed(1)
        self.net = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Dropout(0.1), torch.nn.Linear(16, 1))

    def loss(self, batch):
        x, y = batch
        return torch.nn.functional.mse_loss(self.net(x), y)

    def training_step(self, batch, batch_idx):
        if self.seeded:
            torch.manual_seed(self.global_step)
            batch = draw_points(4)
        loss = self.loss(batch)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


def draw_points(count):
    x = torch.randn(count, 3)
    return x, x.sum(dim=1, keepdim=True) + 0.5 * torch.randn(count, 1)


def batches():
    torch.manual_seed(5)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*draw_points(80)), batch_size=4)


def trainer(*callbacks, **settings):
    return pl.Trainer(
        accelerator="cpu", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks), callbacks=list(callbacks), **settings,
    )


def stopping(model, rule=None, **settings):
    """The callback, and the list of the values that its probe gave."""
    values = []
    probe = dvar.DeterministicProbe(lambda batch: model.loss(batch), {"batch": lambda: draw_points(64)}, model=model)

    class Recording:
        def __call__(self):
            values.append(probe())
            return values[-1]

        state_dict = staticmethod(probe.state_dict)
        load_state_dict = staticmethod(probe.load_state_dict)

    rule = rule or dvar.VarianceRatio(window=30, threshold=0.15)
    return ConvergenceStopping(Recording(), rule, **settings), values


def test_stops_where_cpp_stops_and_disturbs_nothing():
    model = Model()
    callback, values = stopping(model)
    run = trainer(callback, max_epochs=100)
    run.fit(model, batches())
    stop = run.global_step
    assert 31 <= stop == callback.stopped_step == len(values) < 2000
    (expected,) = replay([(RULE, values)])
    assert expected.stop == stop
    assert callback.rule.save() == expected.state
    assert callback.rule.reason() == expected.reason
    assert run.callback_metrics["dvar/probe_loss"] == pytest.approx(values[-1])
    assert run.callback_metrics["dvar/statistic"] < 0.15

    alone = Model()
    trainer(max_steps=stop).fit(alone, batches())
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), model.parameters()))


def test_goes_on_from_a_checkpoint_as_if_nothing_had_been(tmp_path):
    whole = Model(seeded=True)
    callback, values = stopping(whole)
    run = trainer(callback, max_epochs=100)
    run.fit(whole, batches())

    first = Model(seeded=True)
    cut = 25  # in the second epoch of 20 steps
    checkpoint = ModelCheckpoint(dirpath=tmp_path, filename="cut", every_n_train_steps=cut)
    trainer(stopping(first)[0], checkpoint, max_steps=cut).fit(first, batches())

    second = Model(seeded=True)
    resumed, rest = stopping(second)
    again = trainer(resumed, max_epochs=100)
    again.fit(second, batches(), ckpt_path=tmp_path / "cut.ckpt")
    assert rest == values[cut:]
    assert resumed.stopped_step == callback.stopped_step == again.global_step
    assert resumed.rule.save() == callback.rule.save()
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), second.parameters()))


def test_counts_optimizer_steps():
    model = Model()
    callback, values = stopping(model, dvar.StepLimit(11), every_n_steps=2, log=None)
    run = trainer(callback, max_epochs=100, accumulate_grad_batches=2)
    run.fit(model, batches())
    # The probe runs after steps 2, 4, …, 10 of two batches each; the limit holds at every step.
    assert (len(values), run.global_step, callback.stopped_step) == (5, 11, 11)
    assert "dvar/probe_loss" not in run.callback_metrics


@pytest.mark.parametrize(
    ("minimum", "stops", "end"),
    [
        ({"min_steps": 30}, (10,), 60),  # once, too early
        ({"min_steps": 30}, (10, 29, 30), 30),
        ({"min_steps": 30}, (10, 41), 41),
        ({"min_steps": 5}, (10, 21), 21),  # Lightning takes that for an epoch of 20 steps
        ({"min_steps": 5}, (20,), 20),
        ({"min_epochs": 2}, (25, 39), 60),
        ({"min_epochs": 2}, (25, 40), 40),
        ({}, (10,), 10),
    ],
)
def test_a_stop_before_the_minimum_is_not_remembered(minimum, stops, end):
    model, seen = Model(), []

    def probe():
        seen.append(len(seen) + 1)
        return 0.0 if seen[-1] in stops else 1.0

    run = trainer(ConvergenceStopping(probe, dvar.Threshold("minimize", 0.5), log=None), max_steps=60, **minimum)
    run.fit(model, batches())
    assert run.global_step == len(seen) == end


def test_a_state_that_does_not_fit_changes_nothing():
    callback, _ = stopping(Model())
    other, _ = stopping(Model(), every_n_steps=2)
    before = callback.state_dict()
    state = other.state_dict()
    other.rule.observe(1.0)
    for bad in ({}, other.state_dict() | {"probe": {}}, other.state_dict() | {"rule": {}}, {"rule": state["rule"]}):
        with pytest.raises(dvar.StateError):
            callback.load_state_dict(bad)
        assert callback.state_dict() == before


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="every_n_steps must be at least 1, not 0"):
        ConvergenceStopping(lambda: 0.0, every_n_steps=0)


def test_a_probe_may_be_any_function_and_the_rule_is_the_published_one():
    callback = ConvergenceStopping(lambda: 0.0)
    assert repr(callback.rule) == repr(dvar.AnyOf(dvar.VarianceRatio.v2(), dvar.NonFinite(), dvar.StepLimit(6100)))
    run = trainer(callback, max_steps=3)
    run.fit(Model(), batches())
    assert run.global_step == 3 and callback.stopped_step is None


def test_ranks_stop_at_the_same_step(tmp_path):
    class Record(pl.Callback):
        def on_train_end(self, trainer, pl_module):
            torch.save((trainer.global_step, callback.stopped_step, callback.rule.save(), shown), tmp_path / str(trainer.global_rank))

    shown = []

    def probe():
        """Falls and flattens, earlier on one rank than on the other."""
        shown.append(2.0 ** (-len(shown) / (1 + 3 * torch.distributed.get_rank())))
        return shown[-1]

    callback = ConvergenceStopping(probe, dvar.VarianceRatio(window=5, threshold=0.05))
    run = pl.Trainer(
        accelerator="cpu", devices=2, strategy="ddp_fork", max_epochs=100, logger=False, enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False, callbacks=[callback, Record()],
    )
    run.fit(Model(), batches())

    ranks = [torch.load(tmp_path / str(rank), weights_only=True) for rank in range(2)]
    means = [(a + b) / 2 for a, b in zip(ranks[0][3], ranks[1][3])]
    text = "variance_ratio:window=5,threshold=0.05"
    alone, other, together = replay([(text, ranks[0][3]), (text, ranks[1][3]), (text, means)])
    assert alone.stop != other.stop, "otherwise there is nothing to agree on"
    for steps, stop, state, _ in ranks:
        assert steps == stop == together.stop
        assert state == together.state


def test_restores_the_best_weights(tmp_path):
    model = Model(seeded=True)
    callback, values = stopping(model, dvar.StepLimit(50), restore_best_weights=True)
    cut = ModelCheckpoint(dirpath=tmp_path, filename="{step}", every_n_train_steps=25, save_top_k=-1)
    trainer(callback, cut, max_epochs=100).fit(model, batches())
    best = values.index(min(values)) + 1
    assert (callback.best.step, callback.best.value) == (best, min(values)) and best < 50
    alone = Model(seeded=True)
    trainer(max_steps=best).fit(alone, batches())
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), model.parameters()))

    second = Model(seeded=True)
    resumed, rest = stopping(second, dvar.StepLimit(50), restore_best_weights=True)
    trainer(resumed, max_epochs=100).fit(second, batches(), ckpt_path=tmp_path / "step=25.ckpt")
    assert len(rest) == 25 and resumed.best.step == best
    assert all(torch.equal(a, b) for a, b in zip(second.parameters(), model.parameters()))
    with pytest.raises(dvar.StateError, match="saved without restore_best_weights"):
        resumed.load_state_dict(stopping(second)[0].state_dict())
    assert resumed.best.step == best
