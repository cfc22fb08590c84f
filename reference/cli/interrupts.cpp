#include "cli/interrupts.hpp"

#include <csignal>

namespace dvar::cli {
namespace {

volatile std::sig_atomic_t noted = 0;

// The second time the signal does what it usually does: it ends the program at once.
extern "C" void note_signal(int) {
  noted = 1;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

interrupts::interrupts() {
  std::signal(SIGINT, note_signal);
  std::signal(SIGTERM, note_signal);
}

interrupts::~interrupts() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool interrupts::requested() noexcept {
  return noted != 0;
}

}  // namespace dvar::cli
