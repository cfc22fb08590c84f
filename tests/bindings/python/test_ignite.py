"""dvar.ignite in real trainers: stops where C++ does, disturbs nothing, and goes on from a checkpoint."""

import dvar
import ignite.distributed as idist
import pytest
import torch
from dvar.ignite import ConvergenceStopping
from ignite.engine import Events, create_supervised_trainer
from ignite.handlers import Checkpoint, DiskSaver
from lines import RecordingProbe, dataset, equal, falling, new_net
from replay import replay

RULE = "variance_ratio:window=30,threshold=0.15"


def new_trainer(net):
    return create_supervised_trainer(net, torch.optim.SGD(net.parameters(), lr=0.05), torch.nn.functional.mse_loss)


def run(net, *handlers, epochs=100):
    trainer = new_trainer(net)
    for handler in handlers:
        handler.attach(trainer)
    trainer.run(torch.utils.data.DataLoader(dataset(), batch_size=4), max_epochs=epochs)
    return trainer


def test_stops_where_cpp_stops_and_disturbs_nothing():
    net = new_net()
    probe = RecordingProbe(net)
    stopping = ConvergenceStopping(probe, dvar.VarianceRatio(window=30, threshold=0.15))
    trainer = run(net, stopping)
    stop = trainer.state.iteration
    assert 31 <= stop == stopping.stopped_step == len(probe.values) < 2000
    (expected,) = replay([(RULE, probe.values)])
    assert expected.stop == stop
    assert stopping.rule.save() == expected.state
    assert trainer.state.metrics["dvar/probe_loss"] == probe.values[-1]
    assert trainer.state.metrics["dvar/statistic"] < 0.15

    alone = new_net()
    trainer = new_trainer(alone)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=stop), trainer.terminate)
    trainer.run(torch.utils.data.DataLoader(dataset(), batch_size=4), max_epochs=100)
    assert trainer.state.iteration == stop
    assert equal(alone, net.parameters())


def test_restores_the_best_weights():
    net = new_net()
    probe = RecordingProbe(net)
    stopping = ConvergenceStopping(probe, dvar.StepLimit(50), restore_best_weights=net, log=None)
    trainer = run(net, stopping)
    assert stopping.best.step == probe.values.index(min(probe.values)) + 1 < 50
    assert equal(net, probe.best()) and not equal(net, probe.weights[-1])
    assert "dvar/probe_loss" not in trainer.state.metrics


def test_goes_on_from_ignites_checkpoint(tmp_path):
    net = new_net()
    probe = RecordingProbe(net)
    stopping = ConvergenceStopping(probe, dvar.VarianceRatio(window=30, threshold=0.15), restore_best_weights=net)
    trainer = new_trainer(net)
    stopping.attach(trainer)
    to_save = {"net": net, "trainer": trainer, "stopping": stopping}
    trainer.add_event_handler(Events.EPOCH_COMPLETED, Checkpoint(to_save, DiskSaver(str(tmp_path))))
    trainer.run(torch.utils.data.DataLoader(dataset(), batch_size=4), max_epochs=1)
    assert len(probe.values) == 20 and stopping.stopped_step is None

    second = new_net()
    rest = RecordingProbe(second)
    resumed = ConvergenceStopping(rest, dvar.VarianceRatio(window=30, threshold=0.15), restore_best_weights=second)
    trainer = new_trainer(second)
    saved = torch.load(next(tmp_path.glob("*.pt")), weights_only=True)
    Checkpoint.load_objects({"net": second, "trainer": trainer, "stopping": resumed}, saved)
    resumed.attach(trainer)
    trainer.run(torch.utils.data.DataLoader(dataset(), batch_size=4), max_epochs=100)
    (expected,) = replay([(RULE, probe.values + rest.values)])
    assert resumed.stopped_step == expected.stop == trainer.state.iteration
    assert resumed.rule.save() == expected.state
    assert resumed.best.value == min(probe.values + rest.values)


def test_limits_hold_between_evaluations():
    net = new_net()
    probe = RecordingProbe(net)
    stopping = ConvergenceStopping(probe, dvar.StepLimit(23), every_n_steps=10)
    assert (run(net, stopping).state.iteration, len(probe.values), stopping.stopped_step) == (23, 2, 23)


def two_ranks(local_rank, folder):
    stopping = ConvergenceStopping(lambda: falling(idist.get_rank()), dvar.VarianceRatio(window=5, threshold=0.05))
    trainer = run(new_net(), stopping)
    torch.save((trainer.state.iteration, stopping.stopped_step, stopping.rule.save()), f"{folder}/{idist.get_rank()}")


@pytest.mark.filterwarnings("ignore")
def test_ranks_stop_at_the_same_step(tmp_path):
    idist.spawn("gloo", two_ranks, (str(tmp_path),), nproc_per_node=2, start_method="fork")
    values = [[2.0 ** (-n / (1 + 3 * rank)) for n in range(1, 200)] for rank in range(2)]
    text = "variance_ratio:window=5,threshold=0.05"
    alone, other, together = replay([(text, values[0]), (text, values[1]), (text, [sum(v) / 2 for v in zip(*values)])])
    assert len({alone.stop, other.stop, together.stop}) > 1, "otherwise there is nothing to agree on"
    for rank in range(2):
        iterations, stop, state = torch.load(tmp_path / str(rank), weights_only=True)
        assert iterations == stop == together.stop
        mean = dvar.VarianceRatio(window=5, threshold=0.05)
        for number in range(stop):
            mean.observe((values[0][number] + values[1][number]) / 2, number + 1)
        assert state == mean.save()
