#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/xtensor.hpp>

namespace dvar::inline v0_2 {

/// Names a row of the vocabulary, and its mean cosine similarity to the queries, in [-1, 1].
struct selected_embedding {
  std::size_t index = 0;
  float score = 0.0F;

  bool operator==(const selected_embedding&) const = default;
};

/// Chooses the embedding that a new token starts from: the vocabulary's best, worst or a random one, by the
/// cosine similarity of its features to those of the images (CLIP initialization, arXiv 2302.04841, section
/// 5.2).
///
/// The score of a row v is the mean over the queries q of cos(v, q). Since \f$ \frac1Q \sum_q \frac{\langle
/// v, q\rangle}{|v||q|} = \langle \frac{v}{|v|}, \frac1Q \sum_q \frac{q}{|q|} \rangle \f$, one product with
/// the mean of the unit queries scores a row: O((Q + V) D) in all. Sums are double, in eight lanes that do not
/// wait for each other, so that a row that is contiguous in memory is read as fast as the memory gives it.
///
/// - Ties: the lower index comes first, for the worst as well as for the best.
/// - A vocabulary row that is zero or has a non-finite feature has no direction: its score is NaN and it is
///   never chosen, at random neither. The same holds for excluded rows.
/// - A query that is zero or has a non-finite feature is an error: the choice would mean nothing.
class embedding_selection {
 public:
  /// Scores the rows of `vocabulary` [V, D] by `queries` [Q, D]: xtensor containers, views or adaptors of
  /// float, of which nothing is kept. Throws `std::invalid_argument` when a size is 0, when the D differ,
  /// when a query has no direction, or when no vocabulary row can be chosen.
  template <class Queries, class Vocabulary>
  embedding_selection(const xt::xexpression<Queries>& queries, const xt::xexpression<Vocabulary>& vocabulary)
      : embedding_selection(queries, vocabulary, std::vector<bool>{}) {}

  /// Scores the rows, of which row v may not be chosen where `excluded[v]` is set (special tokens). Its size
  /// is V.
  template <class Queries, class Vocabulary>
  embedding_selection(const xt::xexpression<Queries>& queries, const xt::xexpression<Vocabulary>& vocabulary,
                      const std::vector<bool>& excluded) {
    const auto& q = queries.derived_cast();
    const auto& v = vocabulary.derived_cast();
    check_shapes(shape_of(q), shape_of(v));
    if (!excluded.empty() && excluded.size() != v.shape(0)) {
      detail::fail<std::invalid_argument>("embedding_selection: the mask has " +
                                          std::to_string(excluded.size()) + " entries, the vocabulary " +
                                          std::to_string(v.shape(0)) + " rows");
    }
    score(mean_direction(q), v, excluded);
  }

  /// Returns every row's score [V], NaN for rows that cannot be chosen.
  [[nodiscard]] const xt::xtensor<float, 1>& scores() const noexcept { return scores_; }

  /// Returns how many rows can be chosen.
  [[nodiscard]] std::size_t candidates() const noexcept { return candidates_.size(); }

  /// Returns the row of the greatest mean similarity.
  [[nodiscard]] selected_embedding best() const { return top(1).front(); }

  /// Returns the row of the least mean similarity.
  [[nodiscard]] selected_embedding worst() const {
    return at(*std::min_element(candidates_.begin(), candidates_.end(),
                                [this](std::size_t a, std::size_t b) { return scores_(a) < scores_(b); }));
  }

  /// Returns the best `count` rows, best first, or all candidates when there are fewer. Takes O(V log count).
  [[nodiscard]] std::vector<selected_embedding> top(std::size_t count) const {
    std::vector<std::size_t> order = candidates_;
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
    std::partial_sort(order.begin(), end, order.end(), [this](std::size_t a, std::size_t b) {
      return scores_(a) != scores_(b) ? scores_(a) > scores_(b) : a < b;
    });
    std::vector<selected_embedding> chosen;
    std::transform(order.begin(), end, std::back_inserter(chosen), [this](std::size_t i) { return at(i); });
    return chosen;
  }

  /// Returns one of the candidates, each as likely as the other.
  template <std::uniform_random_bit_generator Generator>
  [[nodiscard]] selected_embedding random(Generator& generator) const {
    return at(candidates_[std::uniform_int_distribution<std::size_t>(0, candidates_.size() - 1)(generator)]);
  }

 private:
  using shape = std::vector<std::size_t>;

  template <class Features>
  static shape shape_of(const Features& features) {
    return {features.shape().begin(), features.shape().end()};
  }

  static std::string text(const shape& sizes) {
    std::string list;
    for (const std::size_t size : sizes)
      list += (list.empty() ? "" : ", ") + std::to_string(size);
    return "[" + list + "]";
  }

  static void check_shapes(const shape& queries, const shape& vocabulary) {
    const auto usable = [](const shape& s) { return s.size() == 2 && s[0] > 0 && s[1] > 0; };
    if (!usable(queries) || !usable(vocabulary) || queries[1] != vocabulary[1]) {
      detail::fail<std::invalid_argument>(
          "embedding_selection: expected queries [Q, D] and vocabulary [V, D], not " + text(queries) +
          " and " + text(vocabulary));
    }
  }

  static bool has_direction(double squared_norm) noexcept {
    return squared_norm > 0.0 && detail::is_finite(squared_norm);
  }

  /// Returns the mean [D] of the queries, each scaled to length 1.
  template <class Queries>
  static std::vector<double> mean_direction(const Queries& queries) {
    const std::size_t count = queries.shape(0);
    std::vector<double> mean(queries.shape(1));
    for (std::size_t row = 0; row < count; ++row) {
      double squared_norm = 0.0;
      for (std::size_t d = 0; d < mean.size(); ++d) {
        const auto feature = static_cast<double>(queries(row, d));
        squared_norm += feature * feature;
      }
      if (!has_direction(squared_norm)) {
        detail::fail<std::invalid_argument>("embedding_selection: query " + std::to_string(row) +
                                            " is zero or has a non-finite feature");
      }
      const double scale = 1.0 / (std::sqrt(squared_norm) * static_cast<double>(count));
      for (std::size_t d = 0; d < mean.size(); ++d)
        mean[d] += scale * static_cast<double>(queries(row, d));
    }
    return mean;
  }

  struct products {
    double with_direction = 0.0;
    double with_itself = 0.0;
  };

  /// Multiplies a row with the direction and with itself; `feature(d)` is the row's d-th number.
  template <class Feature>
  static products multiply(Feature feature, const std::vector<double>& direction) {
    std::array<products, 8> lanes;
    const auto add = [&](products& lane, std::size_t d) {
      const auto value = static_cast<double>(feature(d));
      lane.with_direction += value * direction[d];
      lane.with_itself += value * value;
    };
    std::size_t d = 0;
    for (; d + lanes.size() <= direction.size(); d += lanes.size())
      for (std::size_t lane = 0; lane < lanes.size(); ++lane)
        add(lanes[lane], d + lane);
    for (; d < direction.size(); ++d)
      add(lanes[0], d);
    products sum;
    for (const products& lane : lanes) {
      sum.with_direction += lane.with_direction;
      sum.with_itself += lane.with_itself;
    }
    return sum;
  }

  template <class Vocabulary>
  static products products_of(const Vocabulary& vocabulary, std::size_t row,
                              const std::vector<double>& direction) {
    if constexpr (requires { vocabulary.data() + vocabulary.strides()[0]; }) {
      if (vocabulary.strides()[1] == 1) {
        const auto* const features = &vocabulary(row, 0);
        return multiply([features](std::size_t d) { return features[d]; }, direction);
      }
    }
    return multiply([&](std::size_t d) { return vocabulary(row, d); }, direction);
  }

  template <class Vocabulary>
  void score(const std::vector<double>& direction, const Vocabulary& vocabulary,
             const std::vector<bool>& excluded) {
    const std::size_t rows = vocabulary.shape(0);
    scores_ = xt::xtensor<float, 1>::from_shape({rows});
    for (std::size_t row = 0; row < rows; ++row) {
      const auto [product, squared_norm] = products_of(vocabulary, row, direction);
      if (has_direction(squared_norm) && (excluded.empty() || !excluded[row])) {
        scores_(row) = static_cast<float>(product / std::sqrt(squared_norm));
        candidates_.push_back(row);
      } else {
        scores_(row) = std::numeric_limits<float>::quiet_NaN();
      }
    }
    if (candidates_.empty()) {
      detail::fail<std::invalid_argument>("embedding_selection: none of the " + std::to_string(rows) +
                                          " vocabulary rows can be chosen: excluded, zero or non-finite");
    }
  }

  [[nodiscard]] selected_embedding at(std::size_t index) const { return {index, scores_(index)}; }

  xt::xtensor<float, 1> scores_;
  std::vector<std::size_t> candidates_;  // ascending
};

}  // namespace dvar::inline v0_2
