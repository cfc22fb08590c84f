#include "training/rank_group.hpp"

#include "training/threads.hpp"

namespace dvar::training {
namespace {

class one_rank final : public rank_group {
 public:
  std::int64_t rank() const override { return 0; }
  std::int64_t size() const override { return 1; }
  std::int64_t local_rank() const override { return 0; }
  int processors() const override { return usable_processors(); }
  at::Tensor all_gather(const at::Tensor& mine) const override { return mine.unsqueeze(0); }
  void broadcast(std::span<std::byte>) const override {}
};

std::span<std::byte> bytes_of(const at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

}  // namespace

at::Tensor rank_group::all_reduce_sum(const at::Tensor& mine) const {
  if (size() == 1) return mine;
  const at::NoGradGuard no_gradient;
  const at::Tensor all = all_gather(mine.detach().to(at::kCPU, at::kDouble).flatten().contiguous());
  // Ranks are added one after the other: the order of at::sum depends on a machine's vectors.
  at::Tensor total = all[0].clone();
  for (std::int64_t i = 1; i < size(); ++i)
    total += all[i];
  return total.reshape(mine.sizes()).to(mine.device(), mine.scalar_type());
}

double rank_group::all_reduce_sum(double mine) const {
  if (size() == 1) return mine;
  const at::Tensor all = all_gather(torch::tensor({mine}, at::kDouble));
  double total = 0.0;
  for (std::int64_t i = 0; i < size(); ++i)
    total += all[i].item<double>();
  return total;
}

bool rank_group::all_reduce_any(bool mine) const {
  return size() == 1 ? mine : all_reduce_sum(mine ? 1.0 : 0.0) > 0.0;
}

void rank_group::broadcast(const at::Tensor& values) const {
  if (size() == 1) return;
  const at::NoGradGuard no_gradient;
  const at::Tensor here = values.detach().to(at::kCPU).contiguous();
  broadcast(bytes_of(here));
  if (!is_first()) values.detach().copy_(here);
}

void rank_group::broadcast(std::string& text) const {
  if (size() == 1) return;
  std::uint64_t length = text.size();
  broadcast(std::as_writable_bytes(std::span{&length, 1}));
  text.resize(length);
  broadcast(std::as_writable_bytes(std::span{text}));
}

std::optional<std::int64_t> rank_group::first_that_differs(const std::string& text) const {
  std::string firsts = text;
  broadcast(firsts);
  const at::Tensor differ = all_gather(torch::tensor({firsts == text ? 0.0 : 1.0}, at::kDouble));
  for (std::int64_t i = 0; i < size(); ++i)
    if (differ[i].item<double>() != 0.0) return i;
  return std::nullopt;
}

const rank_group& single_rank() {
  static const one_rank alone;
  return alone;
}

}  // namespace dvar::training
