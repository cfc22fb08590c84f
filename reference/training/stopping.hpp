#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/criteria/any_criterion.hpp>
#include <dvar/criteria/non_finite.hpp>
#include <dvar/criteria/variance_ratio.hpp>

namespace dvar::training {

/// What may stop a run: any of these.
struct stopping_options {
  variance_ratio_options plain = presets::v2;  ///< of `--stop dvar`, without options of its own
  std::vector<any_criterion> probe_rules{};    ///< are shown the probe loss, with its step
  std::optional<any_criterion>
      score_rule{};              ///< is shown the CLIP score of samples, every `score_every` steps
  std::int64_t score_every = 0;  ///< 0: never; samples may be scored without a rule
  std::int64_t step_limit = 6100;

  /// The ratio that every probe adds to the trace, whatever stops the run: that of the first variance ratio among the
  /// rules, else the plain one.
  const variance_ratio_options& recorded() const;
};

/// What `--stop TEXT` says: what the rule is shown, and the rule.
struct stop_parts {
  enum class series { steps, probe_loss, score };
  series shown = series::probe_loss;
  std::string rule{};                   ///< for `dvar::make_criterion`
  std::optional<std::int64_t> steps{};  ///< the limit of `steps:N`; how often `clip:every=K` scores
};

/// Takes the text apart, without making its rule. \throws dvar::input_error that begins with `--stop`, for a number of
/// steps that is none and for rules on scores that are joined to others.
stop_parts split_stop(std::string_view text);

/// The rule of `split_stop(text)`. \throws dvar::input_error that begins with `--stop`.
any_criterion make_rule(const stop_parts& parts, std::string_view text);

/// Adds what `--stop TEXT` says:
///
/// - `steps:N`: at step N;
/// - `dvar`: the variance ratio of `options.plain`; `dvar:v1`, `dvar:v2`, `dvar:window=N,threshold=A`: another one;
/// - `clip`, `clip:v1`, `clip:v2`, `clip:every=K,eps=E,patience=P`: CLIP-s, by default v2's every 50 steps; `clip_s` is
///   the same;
/// - any other text of `dvar::make_criterion`, on the probe loss.
///
/// \throws dvar::input_error that begins with `--stop`.
void add_stop(stopping_options& options, std::string_view text);

/// The criterion of a run's monitor: stops when one of the rules on the probe loss does, the first in the order given,
/// or at a probe loss that is not finite. Its statistic is that of the rule that stops, else the recorded ratio.
class probe_criterion {
 public:
  explicit probe_criterion(const stopping_options& options);

  verdict observe(double value) { return observe(value, ++step_); }
  verdict observe(double value, std::size_t step);
  verdict latest() const;
  std::string reason() const;
  void reset();
  void save(state_writer& out) const;
  void load(state_reader& in);

  /// Of the recorded variance ratio; a monitor puts them into its trace.
  std::optional<double> window_variance() const { return recorded_.window_variance(); }
  std::optional<double> total_variance() const { return recorded_.total_variance(); }
  std::optional<double> ratio() const { return recorded_.ratio(); }

 private:
  variance_ratio recorded_;
  std::vector<any_criterion> rules_;  // the last is the guard against what is not finite
  std::size_t step_ = 0;
};

static_assert(criterion<probe_criterion>);

}  // namespace dvar::training
