#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace dvar::inline v0_2 {

/// Says when a probe draws a source's value.
enum class sampling : std::uint8_t {
  /// The value is drawn once, when the probe is made, and is the same in every evaluation. Where it depends
  /// on a source that varies, it follows: it is drawn once in every evaluation.
  fixed,
  /// The value is drawn anew in every evaluation.
  resampled,
};

/// Requires a function that draws a value from those of other sources: with the probe's generator,
/// `draw(generator, inputs…)`, or without one, `draw(inputs…)`.
template <class Draw, class Generator, class... Inputs>
concept drawable =
    std::invocable<Draw&, Generator&, const Inputs&...> || std::invocable<Draw&, const Inputs&...>;

/// Describes one input of the loss: how to draw it, from which earlier sources, and when.
///
/// `Inputs` are the positions, from 0, of sources that stand before this one; their values are what `draw` is
/// given, after the generator if it takes one.
template <class Draw, std::size_t... Inputs>
struct source {
  Draw draw;
  sampling when = sampling::fixed;
};

template <class Draw>
source(Draw, sampling) -> source<Draw>;

/// Makes a source that is drawn once: `fixed([](std::mt19937_64& g) { return draw_batch(g); })`.
///
/// With inputs, it is drawn again when one of these was: `fixed<0>([](auto& g, const batch& b) { … })`.
template <std::size_t... Inputs, class Draw>
source<std::decay_t<Draw>, Inputs...> fixed(Draw&& draw) {
  return {std::forward<Draw>(draw), sampling::fixed};
}

/// Makes a source that is drawn anew in every evaluation.
template <std::size_t... Inputs, class Draw>
source<std::decay_t<Draw>, Inputs...> resampled(Draw&& draw) {
  return {std::forward<Draw>(draw), sampling::resampled};
}

/// Makes a source that is computed from others, and only when one of them was drawn: latents from images and
/// from noise, `computed<0, 1>([](const image& x, const noise& e) { return encoder(x).sample(e); })`.
///
/// While images and noise are fixed, the encoder runs once. Split what is dear from what varies: with
/// `computed<0>` for the distribution and `computed<2, 1>` for the sample from it, it runs once though the noise
/// is resampled.
template <std::size_t... Inputs, class Function>
  requires(sizeof...(Inputs) > 0)
source<std::decay_t<Function>, Inputs...> computed(Function&& function) {
  return {std::forward<Function>(function), sampling::fixed};
}

namespace detail {

template <class T>
inline constexpr bool is_source = false;

template <class Draw, std::size_t... Inputs>
inline constexpr bool is_source<source<Draw, Inputs...>> = true;

}  // namespace detail

/// Lists the loss's inputs, in the order of its parameters.
template <class... Sources>
  requires(detail::is_source<Sources> && ...)
std::tuple<Sources...> sources(Sources... list) {
  return {std::move(list)...};
}

namespace detail {

template <class Draw, class Generator, class... Inputs>
  requires drawable<Draw, Generator, Inputs...>
decltype(auto) draw_from(Draw& draw, Generator& generator, const Inputs&... inputs) {
  if constexpr (std::invocable<Draw&, Generator&, const Inputs&...>)
    return draw(generator, inputs...);
  else
    return draw(inputs...);
}

/// Stands for the value of a source that cannot be drawn.
struct undrawable {};

/// Gives the type of a source's value, where `Earlier` are those of the sources before it.
template <class Source, class Generator, class... Earlier>
struct drawn {
  using type = undrawable;
};

template <class Draw, std::size_t... Inputs, class Generator, class... Earlier>
  requires((Inputs < sizeof...(Earlier)) && ...) &&
          drawable<Draw, Generator, std::tuple_element_t<Inputs, std::tuple<Earlier...>>...>
struct drawn<source<Draw, Inputs...>, Generator, Earlier...> {
  using type = std::remove_cvref_t<decltype(draw_from(
      std::declval<Draw&>(), std::declval<Generator&>(),
      std::declval<const std::tuple_element_t<Inputs, std::tuple<Earlier...>>&>()...))>;
};

/// Gives the types of the values of sources that follow each other, as `type`, a tuple.
template <class Generator, class Earlier, class... Sources>
struct drawn_in_order {
  using type = Earlier;
};

template <class Generator, class... Earlier, class First, class... Rest>
struct drawn_in_order<Generator, std::tuple<Earlier...>, First, Rest...>
    : drawn_in_order<Generator, std::tuple<Earlier..., typename drawn<First, Generator, Earlier...>::type>,
                     Rest...> {};

template <class Generator, class... Sources>
using drawn_values_t = typename drawn_in_order<Generator, std::tuple<>, Sources...>::type;

template <class Values>
inline constexpr bool all_drawable = false;

template <class... Values>
inline constexpr bool all_drawable<std::tuple<Values...>> = (!std::same_as<Values, undrawable> && ...);

}  // namespace detail

/// Requires sources that a generator can draw one after the other: each is `drawable` with the values of the
/// sources that it names, all of which stand before it.
template <class Generator, class... Sources>
concept drawable_sources = detail::all_drawable<detail::drawn_values_t<Generator, Sources...>>;

}  // namespace dvar::inline v0_2
