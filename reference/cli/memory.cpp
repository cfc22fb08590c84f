#include "cli/memory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "error.hpp"

namespace dvar::cli {

void require_memory(std::string_view option, double count, double bytes_each) {
  const double there =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  const double needed = count * bytes_each;
  if (needed <= there) return;
  throw input_error(
      fmt::format("{}: expected what fits into the memory of this machine, {:.3g} GB; {:.15g} take {:.3g} GB",
                  option, there / 1e9, count, needed / 1e9));
}

}  // namespace dvar::cli
