#pragma once

#include <cstddef>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/direction.hpp>
#include <dvar/criteria/patience.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>

namespace dvar {

/// Settings of `clip_s`.
struct clip_s_options {
  /// Stop at the check that is the `patience`-th in a row without improvement; at least 1.
  std::size_t patience = 6;
  /// An improvement is a score that is higher by more than this; finite, at least 0.
  double eps = 0.02;
};

/// Published settings of CLIP-s, for a check every 50 steps.
namespace presets {

/// arXiv 2302.04841 v1.
inline constexpr clip_s_options clip_s_v1{.patience = 5, .eps = 0.05};
/// arXiv 2302.04841 v2 and later, for textual inversion and Custom Diffusion.
inline constexpr clip_s_options clip_s_v2{.patience = 6, .eps = 0.02};
/// arXiv 2302.04841 v2 and later, for DreamBooth-LoRA.
inline constexpr clip_s_options clip_s_dreambooth_lora{.patience = 3, .eps = 0.04};

}  // namespace presets

/// CLIP-s, the early stopping by samples that DVAR is compared with ("Is This Loss Informative?", arXiv
/// 2302.04841): show it the CLIP image score of samples, every 50 steps, and it stops when the score has not
/// improved by `eps` for `patience` checks in a row.
///
/// It is `patience{direction::maximize, {.patience = …, .min_delta = eps}}` under a name of its own: the score is
/// compared with that of the last improvement, so that small gains add up. It stops at the patience-th check, as the
/// paper has it ("for 5 consecutive"); the official program asks for one more. The statistic is the number of
/// checks since the last improvement. A NaN is no improvement.
///
/// Constant time and memory. A check is dear: eight images of 50 denoising steps each in the paper.
class clip_s {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit clip_s(const clip_s_options& options = {})
      : rule_(direction::maximize, {.patience = options.patience, .min_delta = options.eps}) {}

  verdict observe(double score) noexcept {
    rule_.observe(score);
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    verdict latest = rule_.latest();
    latest.reason = latest.stop ? "clip_s" : "";
    return latest;
  }

  /// The best of all scores, whatever `eps` is, and at which check it was.
  [[nodiscard]] const best_value& best() const noexcept { return rule_.best(); }

  [[nodiscard]] clip_s_options options() const noexcept {
    return {.patience = rule_.options().patience, .eps = rule_.options().min_delta};
  }

  [[nodiscard]] std::string reason() const { return "CLIP score: " + rule_.reason(); }

  void reset() noexcept { rule_.reset(); }

  void save(state_writer& out) const {
    out.section("clip_s", 1);
    rule_.save(out);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("clip_s", 1);
    rule_.load(in);
  }

 private:
  patience rule_;
};

static_assert(criterion<clip_s>);

}  // namespace dvar
