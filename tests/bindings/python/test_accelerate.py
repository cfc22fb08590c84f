"""dvar.accelerate in real loops: stops where C++ does, counts optimizer steps, and goes on from the accelerator's state."""

import dvar
import pytest
import torch
from accelerate import Accelerator, debug_launcher
from accelerate.state import AcceleratorState, GradientState, PartialState
from accelerate.tracking import GeneralTracker
from dvar.accelerate import ConvergenceStopping
from lines import RecordingProbe, dataset, equal, falling, mean_squared_error, new_net
from replay import replay

RULE = "variance_ratio:window=30,threshold=0.15"


@pytest.fixture(autouse=True)
def new_accelerator_state():
    yield
    for shared in (AcceleratorState, GradientState, PartialState):
        shared._reset_state()


class Loop:
    def __init__(self, tmp_path, rule, accumulate=1, trackers=(), **settings):
        self.net = new_net()
        self.accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate, log_with=list(trackers) or None)
        self.accelerator.init_trackers("test")
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.05)
        loader = torch.utils.data.DataLoader(dataset(), batch_size=4)
        self.net, self.optimizer, self.loader = self.accelerator.prepare(self.net, self.optimizer, loader)
        self.probe = RecordingProbe(self.net)
        if settings.pop("restore", False):
            settings["restore_best_weights"] = self.net
        self.stopping = ConvergenceStopping(self.accelerator, self.probe, rule, **settings)

    def run(self, epochs=100):
        for _ in range(epochs):
            for batch in self.loader:
                with self.accelerator.accumulate(self.net):
                    self.accelerator.backward(mean_squared_error(self.net, batch))
                    self.optimizer.step()
                    self.optimizer.zero_grad()
                if self.stopping.after_batch():
                    self.stopping.restore_best_weights()
                    return


class Recorder(GeneralTracker):
    name, requires_logging_directory = "recorder", False

    def __init__(self):
        super().__init__()
        self.logged = []

    @property
    def tracker(self):
        return self

    def store_init_configuration(self, values):
        pass

    def log(self, values, step=None, **settings):
        self.logged.append((step, values))


def test_stops_where_cpp_stops_and_logs(tmp_path):
    recorder = Recorder()
    loop = Loop(tmp_path, dvar.VarianceRatio(window=30, threshold=0.15), trackers=[recorder])
    loop.run()
    (expected,) = replay([(RULE, loop.probe.values)])
    assert 31 <= expected.stop == loop.stopping.step == loop.stopping.stopped_step < 2000
    assert loop.stopping.rule.save() == expected.state
    assert [(step, values["dvar/probe_loss"]) for step, values in recorder.logged] == [*enumerate(loop.probe.values, 1)]


def test_counts_optimizer_steps(tmp_path):
    loop = Loop(tmp_path, dvar.StepLimit(11), accumulate=2, every_n_steps=2)
    loop.run()
    assert (len(loop.probe.values), loop.stopping.step) == (5, 11)


def test_restores_the_best_weights(tmp_path):
    loop = Loop(tmp_path, dvar.StepLimit(50), restore=True)
    loop.run()
    assert loop.stopping.best.step < 50
    assert equal(loop.net, loop.probe.best()) and not equal(loop.net, loop.probe.weights[-1])


def test_goes_on_from_the_accelerators_state(tmp_path):
    first = Loop(tmp_path, dvar.VarianceRatio(window=30, threshold=0.15), restore=True)
    first.run(epochs=1)
    first.accelerator.save_state(str(tmp_path / "state"))
    second = Loop(tmp_path, dvar.VarianceRatio(window=30, threshold=0.15), restore=True)
    second.accelerator.load_state(str(tmp_path / "state"))
    assert second.stopping.step == 20
    second.run()
    (expected,) = replay([(RULE, first.probe.values + second.probe.values)])
    assert second.stopping.step == expected.stop
    assert second.stopping.rule.save() == expected.state
    assert second.stopping.best.value == min(first.probe.values + second.probe.values)


def two_ranks(folder):
    accelerator = Accelerator(cpu=True)
    rank = accelerator.process_index
    stopping = ConvergenceStopping(accelerator, lambda: falling(rank), dvar.VarianceRatio(window=5, threshold=0.05))
    while not stopping.after_batch():
        assert stopping.step < 1000
    torch.save((stopping.step, stopping.rule.save()), f"{folder}/{rank}")


def test_ranks_stop_at_the_same_step(tmp_path):
    debug_launcher(two_ranks, (str(tmp_path),), num_processes=2)
    values = [[2.0 ** (-n / (1 + 3 * rank)) for n in range(1, 200)] for rank in range(2)]
    mean = dvar.VarianceRatio(window=5, threshold=0.05)
    stop = next(n for n, pair in enumerate(zip(*values), 1) if mean.observe(sum(pair) / 2, n))
    assert stop != dvar.VarianceRatio(window=5, threshold=0.05).replay(values[1]), "otherwise there is nothing to agree on"
    for rank in range(2):
        assert torch.load(tmp_path / str(rank), weights_only=True) == (stop, mean.save())
