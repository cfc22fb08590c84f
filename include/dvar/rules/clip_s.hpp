#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/options/field.hpp>
#include <dvar/options/named_options.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>
#include <dvar/statistics/direction.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `clip_s`.
struct clip_s_options {
  /// Stops at the check that is the `patience`-th in a row without improvement.
  std::size_t patience = 6;
  /// An improvement is a score that is higher by more than this.
  double eps = 0.02;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = clip_s_options;
    return std::tuple{
        field{&self::patience, "patience", at_least(1), "stop after so many checks without improvement"},
        field{&self::eps, "eps", finite().at_least(0.0),
              "an improvement is a score that is higher by more than this"}};
  }
};

/// Holds published settings of CLIP-s, for a check every 50 steps.
namespace presets {

/// Holds the settings of arXiv 2302.04841 v1.
inline constexpr clip_s_options clip_s_v1{.patience = 5, .eps = 0.05};
/// Holds the settings of arXiv 2302.04841 v2 and later for textual inversion and Custom Diffusion.
inline constexpr clip_s_options clip_s_v2{.patience = 6, .eps = 0.02};
/// Holds the settings of arXiv 2302.04841 v2 and later for DreamBooth-LoRA.
inline constexpr clip_s_options clip_s_dreambooth_lora{.patience = 3, .eps = 0.04};

}  // namespace presets

/// Stops when the CLIP image score of samples, shown to it every 50 steps, has not improved by `eps` for
/// `patience` checks in a row: CLIP-s, the early stopping that DVAR is compared with ("Is This Loss
/// Informative?", arXiv 2302.04841).
///
/// It is `patience{direction::maximize, {.patience = …, .min_delta = eps}}` under a name of its own: the score is
/// compared with that of the last improvement, so that small gains add up. It stops at the patience-th check, as the
/// paper has it ("for 5 consecutive"); the official program asks for one more. The statistic is the number of
/// checks since the last improvement. A NaN is no improvement.
///
/// Takes constant time and memory. A check is dear: eight images of 50 denoising steps each in the paper.
class clip_s {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "clip_s";
  /// Lists the names that texts may have in place of the rule's.
  static constexpr std::array<std::string_view, 1> aliases{"clip"};
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the CLIP score of samples has not improved for a number of checks";
  /// Lists the published settings by their names in texts.
  static constexpr std::array published{named_options{"v1", presets::clip_s_v1},
                                        named_options{"v2", presets::clip_s_v2},
                                        named_options{"dreambooth_lora", presets::clip_s_dreambooth_lora}};

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit clip_s(const clip_s_options& options = {})
      : options_(checked(name, options)),
        rule_(direction::maximize, {.patience = options.patience, .min_delta = options.eps}) {}

  verdict observe(double score) noexcept { return renamed(rule_.observe(score)); }

  [[nodiscard]] verdict latest() const noexcept { return renamed(rule_.latest()); }

  /// Returns the best of all scores, whatever `eps` is, and at which check it was.
  [[nodiscard]] const best_value& best() const noexcept { return rule_.best(); }

  [[nodiscard]] const clip_s_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const { return "CLIP score: " + rule_.reason(); }

  void reset() noexcept { rule_.reset(); }

  /// Reports `best`, and `wait`, which stops at the patience.
  void report(const report_visitor& visitor) const {
    for_each_reported(rule_, [&visitor](reported_value value) {
      value.rule = name;
      visitor(value);
    });
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.rule_);
  }

 private:
  static verdict renamed(verdict of_patience) noexcept {
    if (of_patience.stop) of_patience.rule = name;
    return of_patience;
  }

  clip_s_options options_;
  patience rule_;
};

static_assert(criterion<clip_s>);

}  // namespace dvar::inline v0_2
