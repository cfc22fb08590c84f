#include "cli/model_choice.hpp"

#include <sched.h>

#include "error.hpp"
#include "training/threads.hpp"

namespace dvar::cli {

std::filesystem::path model_directory(const std::string& choice) {
  if (choice != "demo") return choice;
  for (std::filesystem::path place : {DVAR_DEMO_MODEL, DVAR_INSTALLED_DEMO_MODEL}) {
    if (std::filesystem::exists(place / "model_index.json")) return place;
  }
  throw input_error("--model demo: expected the bundled model in " DVAR_DEMO_MODEL
                    " or " DVAR_INSTALLED_DEMO_MODEL ", found it in neither");
}

void set_threads(int threads) {
  if (threads < 0) throw input_error("--threads: expected 0 or more, found " + std::to_string(threads));
  if (threads == 0) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    threads = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
  }
  training::set_operation_threads(threads);
}

}  // namespace dvar::cli
