// Learning-rate schedules.
#include "training/learning_rate.hpp"

#include "request.hpp"

namespace dvar::parity {
namespace {

/// Gives the rates of updates 0, 1, …, as many as `updates` says, of the shape whose name's bytes are `shape`.
tensors learning_rate(const request& r) {
  const at::Tensor bytes = r.tensor("shape");
  const std::string_view name{reinterpret_cast<const char*>(bytes.data_ptr<std::uint8_t>()),
                              static_cast<std::size_t>(bytes.numel())};
  const auto whole = [&](const char* each) { return static_cast<std::int64_t>(r.number(each)); };
  const training::learning_rate_options options{.shape = training::schedule_shapes.value_of(name, "shape"),
                                                .warmup_steps = whole("warmup_steps"),
                                                .total_steps = whole("total_steps"),
                                                .restarts = whole("restarts"),
                                                .power = r.number("power")};
  std::vector<double> rates;
  for (std::int64_t update = 0; update < whole("updates"); ++update)
    rates.push_back(training::learning_rate_at(update, r.number("learning_rate"), options));
  return {{"rates", torch::tensor(rates, at::kDouble)}};
}
const entry learning_rate_entry{"learning_rate", learning_rate};

}  // namespace
}  // namespace dvar::parity
