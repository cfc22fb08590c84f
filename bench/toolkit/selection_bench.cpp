// Measures the choice of the best of 49,408 words of 768 features by CLIP similarity, also by a plain loop.
//
//     bin/bench_toolkit --benchmark_filter=select --benchmark_repetitions=9

#include <cmath>
#include <cstddef>
#include <random>

#include <benchmark/benchmark.h>

#include <dvar/selection/embedding_selection.hpp>

namespace {

using matrix = xt::xtensor<float, 2>;

matrix features(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<float> normal;
  matrix drawn = matrix::from_shape({rows, columns});
  for (float& feature : drawn)
    feature = normal(engine);
  return drawn;
}

/// Holds four pictures and CLIP's vocabulary.
struct problem {
  matrix queries = features(4, 768, 1);
  matrix vocabulary = features(49408, 768, 2);
};

const problem& shared_problem() {
  static const problem made;
  return made;
}

double cosine(const matrix& a, std::size_t i, const matrix& b, std::size_t j) {
  double product = 0.0;
  double norm_a = 0.0;
  double norm_b = 0.0;
  for (std::size_t d = 0; d < a.shape(1); ++d) {
    product += static_cast<double>(a(i, d)) * static_cast<double>(b(j, d));
    norm_a += static_cast<double>(a(i, d)) * static_cast<double>(a(i, d));
    norm_b += static_cast<double>(b(j, d)) * static_cast<double>(b(j, d));
  }
  return product / std::sqrt(norm_a * norm_b);
}

std::size_t best_by_plain_loop(const problem& given) {
  std::size_t best = 0;
  double highest = -2.0;
  for (std::size_t v = 0; v < given.vocabulary.shape(0); ++v) {
    double score = 0.0;
    for (std::size_t q = 0; q < given.queries.shape(0); ++q)
      score += cosine(given.queries, q, given.vocabulary, v);
    if (score > highest) {
      highest = score;
      best = v;
    }
  }
  return best;
}

void select_best(benchmark::State& state) {
  const problem& given = shared_problem();
  if (dvar::embedding_selection(given.queries, given.vocabulary).best().index != best_by_plain_loop(given)) {
    state.SkipWithError("the best word differs from that of the plain loop");
    return;
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(dvar::embedding_selection(given.queries, given.vocabulary).best());
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(given.vocabulary.size() * sizeof(float)));
}
BENCHMARK(select_best)->Unit(benchmark::kMillisecond);

void select_best_by_plain_loop(benchmark::State& state) {
  const problem& given = shared_problem();
  for (auto _ : state)
    benchmark::DoNotOptimize(best_by_plain_loop(given));
}
BENCHMARK(select_best_by_plain_loop)->Unit(benchmark::kMillisecond);

}  // namespace
