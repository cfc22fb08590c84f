#include "device/meta.hpp"

#include <algorithm>
#include <atomic>

#include <c10/core/Allocator.h>

#include "device/meta_kernels.hpp"

namespace dvar::device {
namespace {

std::atomic<std::int64_t> held_bytes{0};
std::atomic<std::int64_t> peak_bytes{0};

void hold(std::int64_t bytes) {
  const std::int64_t now = held_bytes += bytes;
  std::int64_t most = peak_bytes;
  while (now > most && !peak_bytes.compare_exchange_weak(most, now)) {
  }
}

/// Gives no memory, and remembers how much was asked for.
class counting_allocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    const auto count = static_cast<std::int64_t>(bytes);
    hold(count);
    return {nullptr, new std::int64_t{count}, &free, at::kMeta};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free; }
  void copy_data(void*, const void*, std::size_t) const override {}

 private:
  static void free(void* count) {
    const std::unique_ptr<std::int64_t> owned{static_cast<std::int64_t*>(count)};
    held_bytes -= *owned;
  }
};

}  // namespace

at::Device meta_device() {
  static counting_allocator allocator;
  static const bool is_ready = [] {
    register_meta_kernels();
    // Above LibTorch's own, which has the priority 0.
    c10::SetAllocator(at::kMeta, &allocator, /*priority=*/1);
    return true;
  }();
  return is_ready ? at::kMeta : at::kCPU;
}

meta_memory::meta_memory() : before_{held_bytes} {
  peak_bytes = before_;
}

std::int64_t meta_memory::held() const {
  return held_bytes - before_;
}

std::int64_t meta_memory::peak() const {
  return peak_bytes - before_;
}

}  // namespace dvar::device
