#include "cli/interrupts.hpp"

#include <array>
#include <csignal>

namespace dvar::cli {
namespace {

volatile std::sig_atomic_t noted = 0;

constexpr std::array caught{SIGINT, SIGTERM, SIGHUP};

// The second time the signal does what it usually does: it ends the program at once.
extern "C" void note_signal(int) {
  noted = 1;
  for (const int number : caught)
    std::signal(number, SIG_DFL);
}

}  // namespace

interrupts::interrupts() {
  for (const int number : caught)
    if (std::signal(number, note_signal) == SIG_IGN) std::signal(number, SIG_IGN);  // as nohup has it
}

interrupts::~interrupts() {
  for (const int number : caught)
    if (std::signal(number, SIG_DFL) == SIG_IGN) std::signal(number, SIG_IGN);
}

bool interrupts::requested() noexcept {
  return noted != 0;
}

}  // namespace dvar::cli
