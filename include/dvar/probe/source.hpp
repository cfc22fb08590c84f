#pragma once

#include <concepts>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace dvar {

/// When a probe draws a source's value.
enum class sampling : std::uint8_t {
  /// Once, when the probe is made; the same value in every evaluation.
  fixed,
  /// Anew in every evaluation.
  resampled,
};

/// A function that draws a value: from the probe's generator, `draw(generator)`, or without one, `draw()`.
template <class Draw, class Generator>
concept drawable = std::invocable<Draw&, Generator&> || std::invocable<Draw&>;

/// One random input of the loss: how to draw it, and when.
template <class Draw>
struct source {
  Draw draw;
  sampling when = sampling::fixed;
};

template <class Draw>
source(Draw, sampling) -> source<Draw>;

/// A source that is drawn once: `fixed([](std::mt19937_64& g) { return draw_batch(g); })`.
template <class Draw>
source<std::decay_t<Draw>> fixed(Draw&& draw) {
  return {std::forward<Draw>(draw), sampling::fixed};
}

/// A source that is drawn anew in every evaluation.
template <class Draw>
source<std::decay_t<Draw>> resampled(Draw&& draw) {
  return {std::forward<Draw>(draw), sampling::resampled};
}

/// The loss's inputs, in the order of its parameters.
template <class... Draws>
std::tuple<source<Draws>...> sources(source<Draws>... list) {
  return {std::move(list)...};
}

namespace detail {

template <class Draw, class Generator>
  requires drawable<Draw, Generator>
decltype(auto) draw_from(Draw& draw, Generator& generator) {
  if constexpr (std::invocable<Draw&, Generator&>) {
    return draw(generator);
  } else {
    return draw();
  }
}

/// The type of a source's value.
template <class Draw, class Generator>
using drawn_t = std::remove_cvref_t<decltype(draw_from(std::declval<Draw&>(), std::declval<Generator&>()))>;

}  // namespace detail

}  // namespace dvar
