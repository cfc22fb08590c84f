#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/probe/cadence.hpp>
#include <dvar/state.hpp>
#include <dvar/trace/trace.hpp>

namespace dvar::inline v0_2 {

/// Requires what a monitor observes: a function without parameters that returns a number, such as a
/// `deterministic_probe`.
template <class P>
concept measurement = requires(P& measure) { static_cast<double>(measure()); };

/// Says what a step of a monitored run came to: the verdict, and the step's record in the monitor's trace.
/// The record is empty where the probe did not run and the loop gave no values.
struct monitored_step : verdict {
  trace_record record{};
};

/// Runs the probe, shows its value to the criterion and keeps the trace: the training loop's one companion.
///
///     dvar::convergence_monitor monitor{std::move(probe), dvar::variance_ratio{dvar::presets::v2}};
///     for (std::size_t step = 1;; ++step) {
///         train(step);
///         if (monitor.after_step(step).stop) break;
///     }
///     std::cout << monitor.reason() << '\n';
///
/// A record has the values that the loop gives, then `probe_loss` and what the rule reports of it, under the names of
/// `record_names`. The trace takes about 100 bytes a recorded step.
template <measurement Probe, criterion Criterion, probe_schedule Schedule = cadence>
class convergence_monitor {
 public:
  /// The probe is kept by value; `std::ref(probe)` keeps a reference to one that lives elsewhere.
  convergence_monitor(Probe probe, Criterion rule, Schedule when = Schedule{})
      : probe_(std::move(probe)),
        criterion_(std::move(rule)),
        when_(when),
        numbers_(record_names(reported_values(criterion_))) {}

  /// Is called after training step `step` (from 1, ascending), with what the loop has measured: `after_step(step,
  /// {{"loss", loss}, {"gradient_norm", norm}})`. When the schedule has the probe run at this step, evaluates it and
  /// shows its value to the criterion. Whether it runs or not, limits on steps and time hold, and `non_finite` sees
  /// the value that is called `loss`. Returns the criterion's verdict. The probe is evaluated, the criterion judges
  /// and each of its numbers is taken once.
  ///
  /// Throws what the probe throws, and then neither the criterion nor the trace has changed; throws
  /// `std::invalid_argument` for names that a trace refuses.
  template <class Values = std::initializer_list<named_value>>
  monitored_step after_step(std::size_t step, const Values& values = {}) {
    std::optional<double> probe_loss;
    const Schedule before = when_;
    if (when_.due(step)) {
      evaluation timed{when_, before};
      probe_loss = static_cast<double>(probe_());
      timed.done = true;
    }
    return judge(step, probe_loss, values);
  }

  /// Does what `after_step` does with a value of the probe that is recorded already, and does not evaluate the probe: so
  /// a recorded run is shown to another criterion from its first step, and goes on under that one. `probe_loss` has no
  /// value where the probe did not run.
  ///
  ///     for (const dvar::trace_record& record : recorded)
  ///         monitor.after_recorded_step(record.step(), record["probe_loss"], {{"loss", *record["loss"]}});
  ///
  /// Throws `std::invalid_argument` for names that a trace refuses.
  template <class Values = std::initializer_list<named_value>>
  monitored_step after_recorded_step(std::size_t step, const std::optional<double>& probe_loss,
                                     const Values& values = {}) {
    const Schedule before = when_;
    if (when_.due(step)) {
      evaluation timed{when_, before};
      timed.done = true;
    }
    return judge(step, probe_loss, values);
  }

  /// Adds what else was measured at the latest step to its record, which is returned. Throws `std::invalid_argument` when
  /// the record has a value of this name, or for a name that a trace refuses.
  trace_record add(std::string_view name, double value) {
    if (records_.empty() || records_.back().step() != step_) records_.append(step_);
    records_.add(name, value);
    return records_.back();
  }

  /// Returns the criterion's verdict on the latest evaluation.
  [[nodiscard]] verdict latest() const { return verdict_; }

  /// Returns the criterion's sentence for its latest verdict.
  [[nodiscard]] std::string reason() const { return criterion_.reason(); }

  /// Returns the trace, with a record for every step at which the probe ran or that had training values.
  [[nodiscard]] const trace& records() const noexcept { return records_; }

  /// Returns the criterion, with what it has observed.
  [[nodiscard]] const Criterion& rule() const noexcept { return criterion_; }
  /// Returns the schedule by which the probe runs.
  [[nodiscard]] const Schedule& schedule() const noexcept { return when_; }
  /// Returns the probe.
  [[nodiscard]] Probe& probe() noexcept { return probe_; }

  /// Begins a new run with the same probe, whose fixed inputs stay: resets the criterion and the schedule, and
  /// empties the trace.
  void reset() {
    criterion_.reset();
    if constexpr (requires { when_.reset(); }) when_.reset();
    records_.reset();
    columns_.clear();
    verdict_ = criterion_.latest();
    step_ = 0;
  }

  /// Shows the archive the criterion, the trace and, where they are stateful, the schedule and the probe.
  /// Loading throws `state_error`, and then this monitor's criterion and trace are as before.
  static void state(auto& self, auto& archive) {
    archive.section("convergence_monitor", 2);
    if constexpr (is_loading<decltype(archive)>) {
      convergence_monitor::load(self, archive);
    } else {
      archive(self.step_, self.criterion_, self.records_);
      if constexpr (stateful<Schedule>) archive(self.when_);
      archive.same(stateful<probe_type>, "whether convergence_monitor's probe has a state");
      if constexpr (stateful<probe_type>) archive(static_cast<const probe_type&>(self.probe_));
    }
  }

 private:
  /// Names the type of the probe itself, where `Probe` is a reference to it.
  using probe_type = std::remove_reference_t<std::unwrap_reference_t<Probe>>;

  /// Tells a schedule that counts time when the probe is done, also where it throws. Any other has the step due again
  /// then.
  struct evaluation {
    Schedule& when;
    const Schedule& before;
    bool done = false;

    evaluation(Schedule& schedule, const Schedule& as_it_was) : when(schedule), before(as_it_was) {}
    evaluation(const evaluation&) = delete;
    evaluation& operator=(const evaluation&) = delete;
    ~evaluation() {
      if constexpr (requires { when.evaluated(); })
        when.evaluated();
      else if (!done)
        when = before;
    }
  };

  static void load(convergence_monitor& self, state_reader& in) {
    std::size_t step = 0;
    Criterion rule = self.criterion_;
    trace records;
    Schedule when = self.when_;
    in(step, rule, records);
    if constexpr (stateful<Schedule>) in(when);
    in.same(stateful<probe_type>, "whether convergence_monitor's probe has a state");
    if constexpr (stateful<probe_type>) in(static_cast<probe_type&>(self.probe_));
    self.step_ = step;
    self.criterion_ = std::move(rule);
    self.when_ = std::move(when);
    self.records_ = std::move(records);
    self.verdict_ = self.criterion_.latest();
    self.columns_.clear();
  }

  /// Shows a step to the criterion and records it.
  template <class Values>
  monitored_step judge(std::size_t step, const std::optional<double>& probe_loss, const Values& values) {
    step_ = step;
    const bool recorded = probe_loss || std::begin(values) != std::end(values);
    if (recorded) records_.append(step, values);
    if constexpr (detail::advances<Criterion>) {
      const std::optional<double> training_loss = loss_among(values);
      if (!probe_loss || training_loss) verdict_ = advance(criterion_, step, training_loss);
    }
    if (!recorded) return {verdict_, {}};
    if (probe_loss) {
      if (columns_.empty()) find_columns();
      records_.add(columns_.front(), *probe_loss);
      verdict_ = observe_at(criterion_, *probe_loss, step);
      auto column = columns_.begin();
      for_each_reported(criterion_, [&](const reported_value& number) {
        ++column;
        if (number.value) records_.add(*column, *number.value);
      });
    }
    return {verdict_, records_.back()};
  }

  /// Returns the training loss, if it is among the values of a step.
  template <class Values>
  static std::optional<double> loss_among(const Values& values) {
    for (const auto& [name, value] : values)
      if (name == training_loss_name) return value;
    return std::nullopt;
  }

  /// Gives `probe_loss` and what the rule reports their columns, behind those of the values that the loop gave first.
  void find_columns() {
    columns_.push_back(records_.column(probe_loss_name));
    for (const std::string& name : numbers_)
      columns_.push_back(records_.column(name));
  }

  Probe probe_;
  Criterion criterion_;
  Schedule when_;
  std::vector<std::string> numbers_;  // that the rule reports, by their names in a record
  trace records_;
  std::vector<std::size_t> columns_;  // of the probe's loss and of the rule's numbers
  verdict verdict_ = criterion_.latest();
  std::size_t step_ = 0;
};

}  // namespace dvar::inline v0_2
