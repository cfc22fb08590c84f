#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/catalog/rule_text.hpp>
#include <dvar/criteria/any_criterion.hpp>

namespace dvar::training {

/// Names the rule that a run stops by where none is given.
inline constexpr std::string_view default_stop = "dvar";

/// Names the value of a record that rules on samples are shown.
inline constexpr std::string_view clip_score_name = "clip_score";

/// Names the value of a record that rules on pictures held out are shown: the probe loss of those.
inline constexpr std::string_view held_out_loss_name = "held_out_probe_loss";

/// Stands in front of the rules of a text of `--stop` that are shown the probe loss of pictures held out.
inline constexpr std::string_view held_out_mark = "held_out:";

/// Says what may stop a run: any of these, or a number that is not finite.
struct stopping_options {
  /// Holds the rules that are shown the probe loss, with its step.
  std::vector<any_criterion> probe_rules{};
  /// Holds the rules that are shown the probe loss of pictures held out, whenever it is measured.
  std::vector<any_criterion> held_out_rules{};
  /// Holds a rule that is shown the CLIP score of samples, every `score_every` steps.
  std::optional<any_criterion> score_rule{};
  /// Says how often samples are scored; 0 for never. They may be scored without a rule.
  std::int64_t score_every = 0;
  /// Holds the last step of a run that nothing else stops.
  std::int64_t step_limit = 6100;
};

/// Holds what `--stop TEXT` says: rules that stop together, and what they are shown.
struct stop_text {
  joint_text rules;
  /// Names the record's value that the rules are shown; empty for a limit on steps.
  std::string_view shown;
  /// Says how often `clip:every=K` scores samples.
  std::optional<std::int64_t> score_every{};
};

/// Takes the text of `--stop` apart: any text of `dvar::make_criterion`, maybe with `held_out:` in front. A limit on steps
/// (`steps:N`) is shown nothing, CLIP-s (`clip`, `clip:v1`, `clip:every=K,eps=E,patience=P`) the CLIP score of samples, all rules of
/// `held_out:RULE` the probe loss of pictures held out, everything else the probe loss.
///
/// Throws `dvar::input_error` when the text cannot be read, joins rules on scores to others, or has none on a loss behind `held_out:`.
stop_text parse_stop(std::string_view text);

/// Returns how many probes there are in a window of so many steps, at least 2, with `every` steps (at least 1) from one to the next.
std::size_t probes_in(std::size_t window, std::size_t every);

/// Makes the rule of `--stop TEXT`. Throws `dvar::input_error` when there is no such rule or option.
any_criterion make_rule(const stop_text& stop);

/// Adds what `--stop TEXT` says to the options. Throws `dvar::input_error` as `parse_stop` and `make_rule` do, and when a
/// second rule on scores is given.
void add_stop(stopping_options& options, std::string_view text);

}  // namespace dvar::training
