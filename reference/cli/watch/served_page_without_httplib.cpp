#include <fmt/format.h>

#include "cli/watch/served_page.hpp"
#include "error.hpp"

namespace dvar::cli {

void serve_page(watched_logs& /*logs*/, int port, double /*every*/, const std::string& /*rule*/) {
  throw input_error(fmt::format(
      "--serve {}: expected a dvar that was built with cpp-httplib (Debian: libcpp-httplib-dev), found one without",
      port));
}

}  // namespace dvar::cli
