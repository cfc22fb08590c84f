#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>

#include <dvar/trace/trace.hpp>

namespace dvar::training {

/// Keeps the trace on disk, a line of JSON a step, as `dvar::write_json_line` writes it.
///
/// It is never ahead of the memory, so a resumed run writes it anew up to its checkpoint and goes on behind that.
class run_trace {
 public:
  /// Replaces the file by the steps so far, atomically. Throws `dvar::input_error` when it cannot be written; so do the
  /// other functions.
  run_trace(std::filesystem::path path, const trace& records);

  /// Adds a line, which is on disk a second later at the latest, should another one follow: a killed run leaves its curve.
  void append(const trace_record& record);
  void flush();

 private:
  void check() const;

  std::filesystem::path path_;
  std::ofstream out_;
  std::chrono::steady_clock::time_point flushed_ = std::chrono::steady_clock::now();
};

}  // namespace dvar::training
