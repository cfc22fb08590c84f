#include "weights/file_mapping.hpp"

#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.hpp"

namespace dvar::weights {
namespace {

/// Closes a descriptor on every way out; a mapping outlives its descriptor.
struct descriptor {
  int value;
  ~descriptor() { ::close(value); }
};

}  // namespace

file_mapping::file_mapping(const std::filesystem::path& path) {
  // O_NONBLOCK: a FIFO must be refused, not waited for.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw_system_error(path.string() + ": cannot be opened", errno);
  const descriptor file{fd};

  struct stat status{};
  if (::fstat(file.value, &status) != 0) throw_system_error(path.string() + ": cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) {
    throw input_error(fmt::format("{}: expected a file, found {}", path.string(),
                                  S_ISDIR(status.st_mode) ? "a directory" : "something else"));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;  // the system maps no empty file

  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (address == MAP_FAILED) throw_system_error(path.string() + ": cannot be mapped into memory", errno);
  bytes_ = {static_cast<const char*>(address), size};
}

file_mapping::~file_mapping() {
  if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

void file_mapping::release(std::string_view part) const {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
  // This is a hint: where it is not taken, that costs memory, nothing else.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace dvar::weights
