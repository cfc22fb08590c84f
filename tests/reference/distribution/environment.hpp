#pragma once

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "distribution/launch.hpp"

namespace dvar::distribution {

/// Sets the launchers' variables to these and no others while it lives.
class launched_as {
 public:
  explicit launched_as(const std::map<std::string, std::string>& variables) {
    for (const char* const name : names()) {
      if (const char* const value = std::getenv(name)) before_[name] = value;
      unsetenv(name);
    }
    for (const auto& [name, value] : variables)
      setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
  }
  launched_as(const launched_as&) = delete;
  launched_as& operator=(const launched_as&) = delete;
  ~launched_as() {
    for (const char* const name : names())
      unsetenv(name);
    for (const auto& [name, value] : before_)
      setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
  }

 private:
  static std::vector<const char*> names() {
    std::vector<const char*> all{launch_variables.begin(), launch_variables.end()};
    all.push_back("SLURM_PROCID");
    return all;
  }

  std::map<std::string, std::string> before_;
};

}  // namespace dvar::distribution
