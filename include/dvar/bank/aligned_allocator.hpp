#pragma once

#include <cstddef>
#include <new>

namespace dvar::inline v0_2::detail {

/// Counts the bytes of the widest vectors, and of a cache line: a vector that straddles two lines costs two
/// accesses.
inline constexpr std::size_t vector_bytes = 64;

/// Allocates arrays that begin at a whole vector.
template <class T>
struct aligned_allocator {
  using value_type = T;

  aligned_allocator() = default;
  template <class Other>
  aligned_allocator(const aligned_allocator<Other>&) noexcept {}

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{vector_bytes}));
  }
  void deallocate(T* first, std::size_t) noexcept {
    ::operator delete(first, std::align_val_t{vector_bytes});
  }

  bool operator==(const aligned_allocator&) const = default;
};

}  // namespace dvar::inline v0_2::detail
