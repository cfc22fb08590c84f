#pragma once

#include <concepts>
#include <cstddef>
#include <locale>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <dvar/detail/fail.hpp>
#include <dvar/probe/isolation.hpp>
#include <dvar/probe/source.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// How a probe saves its generator: by the stream operators that the standard's engines have.
///
/// Specialise it for a generator that has none: for LibTorch's, `save` returns the bytes of `get_state()` and
/// `load` gives them to `set_state`.
template <class Generator>
struct generator_state {
  static std::string save(const Generator& generator) {
    std::ostringstream text;
    text.imbue(std::locale::classic());
    text << generator;
    return text.str();
  }

  /// Throws `state_error` when `state` is not of such a generator.
  static void load(Generator& generator, std::string_view state) {
    std::istringstream text{std::string(state)};
    text.imbue(std::locale::classic());
    Generator next;
    if (!(text >> next)) {
      detail::fail<state_error>("saved state: not the state of this kind of generator");
    }
    generator = next;
  }
};

/// A function of the sources' values, taken by const reference, that returns a number.
template <class Loss, class... Values>
concept loss_of = requires(Loss& loss, const Values&... values) { static_cast<double>(loss(values...)); };

/// The loss on inputs that are drawn once and then held fixed (or, source by source, drawn anew): L_det of
/// "Is This Loss Informative?" (arXiv 2302.04841). What varies from one evaluation to the next is the model.
///
///     std::mt19937_64 training_engine{1};
///     dvar::deterministic_probe probe{
///         dvar::sources(dvar::fixed([&](std::mt19937_64& g) { return draw_batch(data, g); }),
///                       dvar::resampled([](std::mt19937_64& g) { return draw_noise(g); })),
///         [&](const batch& x, const noise& e) { return model.loss(x, e); },
///         dvar::preserve(training_engine)};
///     double value = probe();
///
/// The draws come from a generator of the probe's own, in the order of the sources, so training's random
/// numbers are the same with the probe as without. Where the loss or a draw does touch the training's state
/// (a global generator, dropout, gradients), an `isolation` puts it back.
///
/// Sources, loss and isolation are kept by value; what they refer to must outlive the probe.
template <class Loss, isolation Isolation = no_isolation, class Generator = std::mt19937_64,
          drawable<Generator>... Draws>
  requires loss_of<Loss, detail::drawn_t<Draws, Generator>...>
class deterministic_probe {
 public:
  /// Draws the fixed sources, inside the isolation. `generator` decides all draws: its seed is the probe's
  /// seed.
  explicit deterministic_probe(std::tuple<source<Draws>...> sources, Loss loss, Isolation isolation = {},
                               Generator generator = Generator{})
      : sources_(std::move(sources)),
        loss_(std::move(loss)),
        isolation_(std::move(isolation)),
        generator_(std::move(generator)),
        seed_state_(generator_state<Generator>::save(generator_)) {
    draw_fixed();
  }

  /// The loss on the fixed values and on new values of the resampled sources. Takes what the loss takes.
  double operator()() {
    [[maybe_unused]] decltype(auto) guard = isolation_();
    draw(sampling::resampled);
    const auto value = static_cast<double>(
        std::apply([this](const auto&... drawn) { return loss_(*drawn...); }, std::as_const(values_)));
    forget_resampled();
    return value;
  }

  /// The value of the fixed source `Index`. Precondition: that source is fixed.
  template <std::size_t Index>
  [[nodiscard]] const auto& value() const {
    return *std::get<Index>(values_);
  }

  /// Saves the generator as it was at first and as it is now.
  void save(state_writer& out) const {
    out.section("deterministic_probe", 1);
    out.write_text(seed_state_);
    out.write_text(generator_state<Generator>::save(generator_));
  }

  /// Continues the saved probe: draws the fixed sources again as that probe did, if its seed was another one.
  /// Draws that take no generator must give the same again for that to be exact.
  void load(state_reader& in) {
    in.section("deterministic_probe", 1);
    std::string seed_state = in.read_text();
    const std::string current = in.read_text();
    if (seed_state != seed_state_) {
      generator_state<Generator>::load(generator_, seed_state);
      seed_state_ = std::move(seed_state);
      draw_fixed();
    }
    generator_state<Generator>::load(generator_, current);
  }

 private:
  void draw_fixed() {
    [[maybe_unused]] decltype(auto) guard = isolation_();
    draw(sampling::fixed);
  }

  void draw(sampling when) {
    for_each_source([&](auto& from, auto& value) {
      if (from.when == when) {
        value.emplace(detail::draw_from(from.draw, generator_));
      }
    });
  }

  /// A resampled batch may be large: it does not stay between evaluations.
  void forget_resampled() {
    for_each_source([](auto& from, auto& value) {
      if (from.when == sampling::resampled) {
        value.reset();
      }
    });
  }

  template <class Function>
  void for_each_source(Function function) {
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      (function(std::get<Index>(sources_), std::get<Index>(values_)), ...);
    }(std::index_sequence_for<Draws...>{});
  }

  std::tuple<source<Draws>...> sources_;
  std::tuple<std::optional<detail::drawn_t<Draws, Generator>>...> values_;
  Loss loss_;
  Isolation isolation_;
  Generator generator_;
  std::string seed_state_;
};

}  // namespace dvar
