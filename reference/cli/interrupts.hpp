#pragma once

namespace dvar::cli {

/// Makes the first Ctrl-C (SIGINT), SIGTERM or SIGHUP (a terminal that is closed) only leave a note while it lives, so that the program ends
/// where it can go on later; the second ends the program.
class interrupts {
 public:
  interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;
  ~interrupts();

  /// Returns whether such a signal has come since the program began.
  static bool requested() noexcept;
};

}  // namespace dvar::cli
