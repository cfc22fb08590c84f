// The core in one program, without exceptions: statistics, criteria, probe, monitor and state. Shows every rule the same
// losses, through a monitor, a saved state and a fresh copy of it. With the argument "misuse" it constructs a rule that
// cannot be, which aborts.

#include <cstddef>
#include <string_view>
#include <utility>

#include <dvar/monitor.hpp>
#include <dvar/probe/chunked.hpp>
#include <dvar/probe/deterministic_probe.hpp>
#include <dvar/probe/draws.hpp>
#include <dvar/probe/time_budget.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "../toolkit/every_criterion.hpp"

namespace {

double loss_after(std::size_t step) {
  return 0.18 + 1.0 / static_cast<double>(step) + (step % 3 == 0 ? 1e-3 : 0.0);
}

template <class Rule>
bool continues(const Rule& fresh) {
  Rule rule = fresh;
  for (std::size_t step = 1; step <= 100; ++step)
    rule.observe(loss_after(step));
  Rule loaded = fresh;
  dvar::load_state(loaded, dvar::save_state(rule));
  return loaded.latest() == rule.latest() && loaded.reason() == rule.reason();
}

bool monitors() {
  double weight = 1.0;
  dvar::deterministic_probe probe{
      dvar::sources(dvar::fixed([](std::mt19937_64& g) { return dvar::draw_distinct(g, {0, 1000}, 4); }),
                    dvar::computed<0>([](const auto& steps) { return static_cast<double>(steps.front()); })),
      dvar::chunked{4, 2, [&](std::size_t, std::size_t, const auto&, double x) { return weight * x; }}};
  dvar::convergence_monitor monitor{std::move(probe), dvar::variance_ratio{{.window = 20}},
                                    dvar::time_budget{1.0}};
  monitor.after_step(1);
  weight = 2.0;
  const auto saved = dvar::save_state(monitor);
  monitor.reset();
  dvar::load_state(monitor, saved);
  return monitor.records().size() == 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "misuse") {
    dvar::variance_ratio impossible{{.window = 1}};
    return impossible.latest().stop ? 0 : 2;
  }
  bool sound = monitors();
  dvar::test::for_each(dvar::test::every_criterion(),
                       [&](const auto& fresh) { sound = sound && continues(fresh); });
  dvar::test::for_each(dvar::test::every_statistic(),
                       [](auto& statistic) { dvar::test::show(statistic, 1.0); });
  return sound ? 0 : 1;
}
