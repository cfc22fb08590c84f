#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/group.hpp>
#include <dvar/probe/cadence.hpp>
#include <dvar/state.hpp>
#include <dvar/trace/trace_record.hpp>

namespace dvar {

/// What a monitor observes: a function without parameters that returns a number, such as a
/// `deterministic_probe`.
template <class P>
concept measurement = requires(P& measure) { static_cast<double>(measure()); };

/// What the training loop may add to a step's record.
struct training_values {
  /// The training loss.
  std::optional<double> loss{};
  /// The norm of the gradient.
  std::optional<double> gradient_norm{};
};

/// The training loop's one companion: runs the probe, shows its value to the criterion, keeps the trace.
///
///     dvar::convergence_monitor monitor{std::move(probe), dvar::variance_ratio{dvar::presets::v2}};
///     for (std::size_t step = 1;; ++step) {
///         train(step);
///         if (monitor.after_step(step).stop) break;
///     }
///     std::cout << monitor.reason() << '\n';
///
/// The trace takes about 100 bytes a recorded step.
template <measurement Probe, criterion Criterion, probe_schedule Schedule = cadence>
class convergence_monitor {
 public:
  /// The probe is kept by value; `std::ref(probe)` keeps a reference to one that lives elsewhere.
  convergence_monitor(Probe probe, Criterion rule, Schedule when = Schedule{})
      : probe_(std::move(probe)), criterion_(std::move(rule)), when_(when) {}

  /// Called after training step `step` (from 1, ascending). When the schedule has the probe run at this step,
  /// evaluates it and returns the criterion's verdict; the latest verdict otherwise. Throws what the probe
  /// throws, and then neither the criterion nor the trace has changed.
  verdict after_step(std::size_t step, const training_values& values = {}) {
    trace_record record{.step = step, .loss = values.loss, .gradient_norm = values.gradient_norm};
    if (when_.due(step)) {
      {
        const evaluation timed{when_};
        record.probe_loss = static_cast<double>(probe_());
      }
      observe_at(criterion_, *record.probe_loss, step);
      annotate(record, criterion_);
    }
    if (record.probe_loss || record.loss || record.gradient_norm) records_.push_back(record);
    return latest();
  }

  [[nodiscard]] verdict latest() const { return criterion_.latest(); }

  /// The criterion's sentence for its latest verdict.
  [[nodiscard]] std::string reason() const { return criterion_.reason(); }

  /// A record for every step at which the probe ran or that had training values.
  [[nodiscard]] const trace& records() const noexcept { return records_; }

  /// The criterion, with what it has observed.
  [[nodiscard]] const Criterion& rule() const noexcept { return criterion_; }
  /// When the probe runs.
  [[nodiscard]] const Schedule& schedule() const noexcept { return when_; }
  /// The probe.
  [[nodiscard]] Probe& probe() noexcept { return probe_; }

  /// Begins a new run with the same probe, whose fixed inputs stay: resets the criterion and the schedule, and
  /// empties the trace.
  void reset() {
    criterion_.reset();
    if constexpr (requires { when_.reset(); }) when_.reset();
    records_.clear();
  }

  /// Saves the criterion, the trace and, where they are stateful, the schedule and the probe.
  void save(state_writer& out) const {
    out.section("convergence_monitor", 1);
    criterion_.save(out);
    out.write_count(records_.size());
    for (const trace_record& record : records_) {
      out.write_count(record.step);
      for (const auto& field : detail::trace_fields)
        out.write_optional(record.*field.value);
    }
    if constexpr (stateful<Schedule>) when_.save(out);
    out.write_flag(stateful<probe_type>);
    if constexpr (stateful<probe_type>) static_cast<const probe_type&>(probe_).save(out);
  }

  /// Continues the saved run. Throws `state_error`, and then this monitor's criterion and trace are as
  /// before.
  void load(state_reader& in) {
    in.section("convergence_monitor", 1);
    Criterion rule = criterion_;
    rule.load(in);
    trace records;
    for (auto count = in.read_count(); count > 0; --count) {
      trace_record& record = records.emplace_back();
      record.step = static_cast<std::size_t>(in.read_count());
      for (const auto& field : detail::trace_fields)
        record.*field.value = in.read_optional();
    }
    Schedule when = when_;
    if constexpr (stateful<Schedule>) when.load(in);
    if (in.read_flag() != stateful<probe_type>)
      detail::fail<state_error>("saved state: a convergence_monitor with a probe of another kind");
    if constexpr (stateful<probe_type>) static_cast<probe_type&>(probe_).load(in);
    criterion_ = std::move(rule);
    when_ = std::move(when);
    records_ = std::move(records);
  }

 private:
  /// The probe itself, where `Probe` is a reference to it.
  using probe_type = std::remove_reference_t<std::unwrap_reference_t<Probe>>;

  /// Tells a schedule that counts time when the probe is done, also where it throws.
  struct evaluation {
    Schedule& when;
    ~evaluation() {
      if constexpr (requires { when.evaluated(); }) when.evaluated();
    }
  };

  /// Puts the variances of a variance ratio, also of one inside an `any_of`, into the record.
  template <class C>
  static void annotate(trace_record& record, const C& rule) {
    if constexpr (requires {
                    rule.window_variance();
                    rule.total_variance();
                    rule.ratio();
                  }) {
      record.rolling_variance = rule.window_variance();
      record.total_variance = rule.total_variance();
      record.ratio = rule.ratio();
    } else if constexpr (requires { rule.members(); }) {
      detail::for_each_member(rule.members(), [&](const auto& member) { annotate(record, member); });
    }
  }

  Probe probe_;
  Criterion criterion_;
  Schedule when_;
  trace records_;
};

}  // namespace dvar
