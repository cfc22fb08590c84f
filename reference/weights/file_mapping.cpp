#include "weights/file_mapping.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>

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

/// Describes a mapping for the handler of a signal, which may neither allocate nor lock.
struct named_range {
  std::atomic<bool> taken{false};
  std::atomic<const char*> first{nullptr};
  std::size_t size = 0;
  std::array<char, 256> name{};
};

std::array<named_range, 64> ranges;

/// Returns the mapping's place, or -1 where all are taken: its file is not named then.
int remember(std::string_view bytes, const std::string& name) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    named_range& range = ranges[i];
    if (range.taken.exchange(true)) continue;
    range.size = bytes.size();
    range.name[name.copy(range.name.data(), range.name.size() - 1)] = '\0';
    range.first = bytes.data();
    return static_cast<int>(i);
  }
  return -1;
}

void forget(int place) {
  if (place < 0) return;
  named_range& range = ranges[static_cast<std::size_t>(place)];
  range.first = nullptr;
  range.taken = false;
}

void write_all(const char* text) {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

extern "C" void name_vanished_file(int, siginfo_t* info, void*) {
  const auto* address = static_cast<const char*>(info->si_addr);
  write_all("dvar: ");
  for (const named_range& range : ranges) {
    const char* first = range.first;
    if (first == nullptr || address < first || address >= first + range.size) continue;
    write_all(range.name.data());
    write_all(": ");
    break;
  }
  write_all("a file became shorter, or its disk failed, while it was read\n");
  ::_exit(1);
}

}  // namespace

void report_vanished_files() {
  struct sigaction action{};
  action.sa_sigaction = name_vanished_file;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

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
  place_ = remember(bytes_, path.string());
}

file_mapping::~file_mapping() {
  forget(place_);
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
