// The bundled model's training on the device: beside the CPU's, with graphs and without, and from a state that was saved.
#include <cmath>
#include <string>

#include "../training/demo.hpp"
#include "device_under_test.hpp"
#include "training/inversion_probe.hpp"

namespace dvar::training {
namespace {

using test::number_form;
using test::relative_error;

constexpr std::int64_t steps = 6;

/// Returns the vectors after each step, [steps, vectors, width] on the CPU.
at::Tensor learn(concept_training& inversion, std::int64_t first = 1, std::int64_t last = steps) {
  std::vector<at::Tensor> path;
  for (std::int64_t step = first; step <= last; ++step) {
    const step_outcome outcome = inversion.take_step(step);
    EXPECT_TRUE(outcome.applied || outcome.skipped) << "step " << step;
    path.push_back(inversion.vectors().detach().to(at::kCPU).clone());
  }
  return at::stack(path);
}

class gpu_training_test : public test::gpu_test {
 protected:
  void record(const std::string& name, double value) { RecordProperty(name, fmt::format("{:.3g}", value)); }
};

TEST_F(gpu_training_test, losses_and_gradients_are_the_cpus) {
  const auto evaluated = [](const models::placement& placement) {
    const demo_inversion demo{1, 1, placement};
    const concept_training inversion = demo.begin();
    return inversion.evaluate(inversion.draw(1));
  };
  const inversion_loss exact = evaluated({.dtype = at::kDouble});
  for (const number_form& form : test::number_forms()) {
    SCOPED_TRACE(form.name);
    device::set_up(device_, form.products);
    const inversion_loss found = evaluated(here(form.type));
    const inversion_loss coarse = evaluated({.dtype = form.coarser});
    const double of_loss = relative_error(found.value, exact.value);
    const double of_gradient = relative_error(found.gradient, exact.gradient);
    EXPECT_LE(of_loss, 4.0 * relative_error(coarse.value, exact.value) + 1e-3);
    EXPECT_LE(of_gradient, 4.0 * relative_error(coarse.gradient, exact.gradient) + 1e-6);
    record(std::string{"demo_"}.append(form.name).append("_loss_relative_error"), of_loss);
    record(std::string{"demo_"}.append(form.name).append("_gradient_relative_error"), of_gradient);
  }
  device::set_up(device_, device::float32_products::exact);
}

TEST_F(gpu_training_test, a_run_learns_what_the_cpu_learns) {
  const auto learned = [](const models::placement& placement) {
    const demo_inversion demo{1, 1, placement};
    concept_training inversion = demo.begin();
    return learn(inversion);
  };
  const at::Tensor expected = learned({});
  const double error = relative_error(learned(here(at::kFloat)), expected);
  EXPECT_LE(error, 1e-3);
  record("demo_vectors_relative_error", error);
}

TEST_F(gpu_training_test, graphs_give_the_same_bits) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    SCOPED_TRACE(c10::toString(type));
    const demo_inversion eager{1, 1, here(type)};
    const demo_inversion recorded{1, 1, here(type, /*graphs=*/true)};
    concept_training one = eager.begin();
    concept_training other = recorded.begin();
    auto probe_of_one = make_probe(one, {.batch = 3});
    auto probe_of_other = make_probe(other, {.batch = 3});
    for (std::int64_t step = 1; step <= steps; ++step) {
      EXPECT_TRUE(at::equal(learn(one, step, step), learn(other, step, step))) << "step " << step;
      EXPECT_EQ(probe_of_one(), probe_of_other()) << "step " << step;
    }
  }
}

TEST_F(gpu_training_test, custom_diffusion_in_graphs_gives_the_same_bits) {
  const demo_inversion eager{1, 1, here(at::kFloat)};
  const demo_inversion recorded{1, 1, here(at::kFloat, /*graphs=*/true)};
  const auto begin = [](const demo_inversion& demo) {
    return concept_training{
        demo.model,
        demo.pictures,
        demo.prompts,
        demo.initial,
        {.method = method_kind::custom_diffusion, .batch = 2, .seed = 7, .max_gradient_norm = 1.0},
        demo.workers};
  };
  concept_training one = begin(eager);
  concept_training other = begin(recorded);
  learn(one);
  learn(other);
  EXPECT_TRUE(at::equal(one.parameters().values(), other.parameters().values()));
}

TEST_F(gpu_training_test, a_run_gives_the_same_bits_again) {
  const demo_inversion demo{1, 1, here(at::kFloat, /*graphs=*/true)};
  concept_training one = demo.begin();
  concept_training other = demo.begin();
  EXPECT_TRUE(at::equal(learn(one), learn(other)));
}

TEST_F(gpu_training_test, a_run_goes_on_from_its_state_bit_for_bit) {
  const demo_inversion demo{1, 1, here(at::kHalf, /*graphs=*/true)};
  concept_training whole = demo.begin();
  concept_training begun = demo.begin();
  concept_training resumed = demo.begin();
  const at::Tensor expected = learn(whole);
  learn(begun, 1, steps / 2);
  resumed.load_state(begun.state());
  EXPECT_TRUE(at::equal(learn(resumed, steps / 2 + 1), expected.slice(0, steps / 2)));
}

TEST_F(gpu_training_test, the_probe_does_not_change_the_training) {
  const demo_inversion demo{1, 1, here(at::kFloat, /*graphs=*/true)};
  concept_training alone = demo.begin();
  concept_training probed = demo.begin();
  auto probe = make_probe(probed, {.batch = 3});
  for (std::int64_t step = 1; step <= steps; ++step) {
    EXPECT_TRUE(at::equal(learn(alone, step, step), learn(probed, step, step)));
    EXPECT_TRUE(std::isfinite(probe()));
  }
}

}  // namespace
}  // namespace dvar::training
