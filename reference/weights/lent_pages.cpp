#include "weights/lent_pages.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>

namespace dvar::weights {
namespace {

/// Knows what is lent, by the address of its first number. No two that live have the same, for each is a tensor of a file.
struct lent_tensors {
  std::shared_mutex guard;
  std::multimap<const void*, std::function<void()>> releases;
  std::atomic<std::size_t> count = 0;  ///< spares all who have nothing lent the lock
};

lent_tensors& known() {
  static lent_tensors tensors;
  return tensors;
}

/// Is in the books for as long as it lives.
class entry {
 public:
  entry(const void* address, std::function<void()> release) {
    const std::unique_lock lock{known().guard};
    place_ = known().releases.emplace(address, std::move(release));
    ++known().count;
  }
  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;
  ~entry() {
    const std::unique_lock lock{known().guard};
    known().releases.erase(place_);
    --known().count;
  }

 private:
  std::multimap<const void*, std::function<void()>>::iterator place_;
};

const void* address_of(const at::Tensor& tensor) {
  return tensor.has_storage() ? tensor.storage().data() : nullptr;
}

}  // namespace

at::Tensor lend(const at::Tensor& tensor, std::function<void()> release) {
  void* const first = tensor.data_ptr();
  // The tensor is kept, whose memory this is.
  return torch::from_blob(
      first, tensor.sizes(), tensor.strides(),
      [tensor, booked = std::make_shared<entry>(first, std::move(release))](void*) {}, tensor.options());
}

bool is_lent(const at::Tensor& tensor) {
  if (known().count == 0) return false;
  const std::shared_lock lock{known().guard};
  return known().releases.contains(address_of(tensor));
}

void give_back(const at::Tensor& tensor) {
  if (known().count == 0) return;
  const std::shared_lock lock{known().guard};
  const auto [first, last] = known().releases.equal_range(address_of(tensor));
  for (auto each = first; each != last; ++each)
    each->second();
}

}  // namespace dvar::weights
