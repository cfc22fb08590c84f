#pragma once

namespace dvar::cli {

/// While it lives, Ctrl-C (SIGINT) and SIGTERM only leave a note, so that the program ends where it can go on later.
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
