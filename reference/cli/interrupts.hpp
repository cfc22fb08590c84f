#pragma once

namespace dvar::cli {

/// While it lives, the first Ctrl-C (SIGINT) or SIGTERM only leaves a note, so that the program ends where it can go on
/// later; the second ends the program.
class interrupts {
 public:
  interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;
  ~interrupts();

  /// Whether such a signal has come since the program began.
  static bool requested() noexcept;
};

}  // namespace dvar::cli
