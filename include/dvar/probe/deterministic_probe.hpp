#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <locale>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <dvar/detail/fail.hpp>
#include <dvar/probe/isolation.hpp>
#include <dvar/probe/source.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Saves and loads a probe's generator, by the stream operators that the standard's engines have.
///
/// Specialize it for a generator that has none: for LibTorch's, `save` returns the bytes of `get_state()` and
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
    if (!(text >> next)) detail::fail<state_error>("saved state: not the state of this kind of generator");
    generator = next;
  }
};

/// Requires a function of the sources' values, taken by const reference, that returns a number.
template <class Loss, class... Values>
concept loss_of = requires(Loss& loss, const Values&... values) { static_cast<double>(loss(values...)); };

namespace detail {

template <class Loss, class Values>
inline constexpr bool is_loss_of = false;

template <class Loss, class... Values>
  requires loss_of<Loss, Values...>
inline constexpr bool is_loss_of<Loss, std::tuple<Values...>> = true;

/// Turns a tuple of V into `std::tuple<std::optional<V>...>`.
template <class Values>
struct optional_each;

template <class... Values>
struct optional_each<std::tuple<Values...>> {
  using type = std::tuple<std::optional<Values>...>;
};

}  // namespace detail

/// Requires a function of the values of these sources that returns a number.
template <class Loss, class Generator, class... Sources>
concept loss_on = detail::is_loss_of<Loss, detail::drawn_values_t<Generator, Sources...>>;

/// Evaluates the loss on inputs that are drawn once and then held fixed (or, source by source, drawn anew):
/// L_det of "Is This Loss Informative?" (arXiv 2302.04841). What varies from one evaluation to the next is
/// the model.
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
/// numbers are the same with the probe as without. A source may depend on earlier ones (`computed`): it is drawn
/// again when, and only when, one of these was. Where the loss or a draw does touch the training's state
/// (a global generator, dropout, gradients), an `isolation` puts it back.
///
/// Sources, loss and isolation are kept by value; what they refer to must outlive the probe.
template <class Loss, isolation Isolation = no_isolation, class Generator = std::mt19937_64, class... Sources>
  requires drawable_sources<Generator, Sources...> && loss_on<Loss, Generator, Sources...>
class deterministic_probe {
 public:
  /// Draws the fixed sources, inside the isolation. `generator` decides all draws: its seed is the probe's seed.
  explicit deterministic_probe(std::tuple<Sources...> sources, Loss loss, Isolation isolation = {},
                               Generator generator = Generator{})
      : sources_(std::move(sources)),
        loss_(std::move(loss)),
        isolation_(std::move(isolation)),
        generator_(std::move(generator)),
        seed_state_(generator_state<Generator>::save(generator_)) {
    for_each_source(
        [this]<std::size_t Index, class Draw, std::size_t... Inputs>(source<Draw, Inputs...>& from) {
          varies_[Index] = from.when == sampling::resampled || (varies_[Inputs] || ...);
        });
    draw_fixed();
  }

  /// Returns the loss on the fixed values and on new values of the sources that vary, in the time that the
  /// loss takes. Throws `std::logic_error` where the loss evaluates this same probe.
  double operator()() {
    if (evaluating_)
      detail::fail<std::logic_error>("deterministic_probe: its loss evaluates the probe itself");
    const evaluation marked(evaluating_);
    [[maybe_unused]] decltype(auto) guard = isolation_();
    draw(/*varying=*/true);
    const auto value = static_cast<double>(
        std::apply([this](const auto&... drawn) { return loss_(*drawn...); }, std::as_const(values_)));
    forget_varying();
    return value;
  }

  /// Returns the value of the source `Index`. Precondition: it is fixed, and so is all that it depends on.
  template <std::size_t Index>
  [[nodiscard]] const auto& value() const {
    return *std::get<Index>(values_);
  }

  /// The state is that of the generator, as it was at first and as it is now. Loading draws the fixed sources again
  /// as the saved probe did, if its seed was another one; draws that take no generator must give the same again for
  /// that to be exact.
  static void state(auto& self, auto& archive) {
    archive.section("deterministic_probe", 1);
    std::string seed_state = self.seed_state_;
    std::string current = generator_state<Generator>::save(self.generator_);
    archive(seed_state, current);
    if constexpr (is_loading<decltype(archive)>) {
      if (seed_state != self.seed_state_) {
        generator_state<Generator>::load(self.generator_, seed_state);
        self.seed_state_ = std::move(seed_state);
        self.draw_fixed();
      }
      generator_state<Generator>::load(self.generator_, current);
    }
  }

 private:
  /// Marks the time in which the loss is evaluated.
  class evaluation {
   public:
    explicit evaluation(bool& mark) : mark_(mark) { mark_ = true; }
    evaluation(const evaluation&) = delete;
    evaluation& operator=(const evaluation&) = delete;
    ~evaluation() { mark_ = false; }

   private:
    bool& mark_;
  };

  void draw_fixed() {
    [[maybe_unused]] decltype(auto) guard = isolation_();
    draw(/*varying=*/false);
  }

  /// Draws the sources that vary from evaluation to evaluation, or those that do not.
  void draw(bool varying) {
    for_each_source([&]<std::size_t Index, class Draw, std::size_t... Inputs>(source<Draw, Inputs...>& from) {
      if (varies_[Index] == varying) {
        std::get<Index>(values_).emplace(
            detail::draw_from(from.draw, generator_, std::as_const(*std::get<Inputs>(values_))...));
      }
    });
  }

  /// Frees the values of sources that vary: a resampled batch may be large.
  void forget_varying() {
    for_each_source([this]<std::size_t Index>(auto&) {
      if (varies_[Index]) std::get<Index>(values_).reset();
    });
  }

  /// Calls `function.operator()<Index>(source)` for every source, in their order.
  template <class Function>
  void for_each_source(Function function) {
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      (function.template operator()<Index>(std::get<Index>(sources_)), ...);
    }(std::index_sequence_for<Sources...>{});
  }

  std::tuple<Sources...> sources_;
  std::array<bool, sizeof...(Sources)> varies_{};  // resampled, or drawn from one that is
  typename detail::optional_each<detail::drawn_values_t<Generator, Sources...>>::type values_;
  Loss loss_;
  Isolation isolation_;
  Generator generator_;
  std::string seed_state_;
  bool evaluating_ = false;
};

}  // namespace dvar::inline v0_2
