#include "device/machine_memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace dvar::device {
namespace {

/// Returns the number behind `key` in a file of lines "key number …".
std::optional<std::int64_t> number_in(const char* file, const std::string& key) {
  std::ifstream lines{file};
  for (std::string word; lines >> word; lines.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    std::int64_t number = 0;
    if (word == key && lines >> number) return number;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> available_machine_memory() {
  const std::optional<std::int64_t> kibibytes = number_in("/proc/meminfo", "MemAvailable:");
  if (!kibibytes) return std::nullopt;
  std::int64_t available = *kibibytes * 1024;
  // What `ulimit -v` leaves.
  rlimit addresses{};
  if (::getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY) {
    const std::int64_t used = number_in("/proc/self/status", "VmSize:").value_or(0) * 1024;
    available = std::min(available, static_cast<std::int64_t>(addresses.rlim_cur) - used);
  }
  return available;
}

std::optional<std::int64_t> resident_memory() {
  std::ifstream counts{"/proc/self/statm"};
  std::int64_t all = 0, resident = 0;
  if (!(counts >> all >> resident)) return std::nullopt;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace dvar::device
