#include "training/run_trace.hpp"

#include <utility>

#include <dvar/trace/json_lines.hpp>

#include "error.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::training {

run_trace::run_trace(std::filesystem::path path, const trace& records) : path_{std::move(path)} {
  weights::write_atomically(path_, [&](std::ostream& out) {
    for (const trace_record& record : records)
      write_json_line(out, record);
  });
  out_.open(path_, std::ios::app);
  check();
}

void run_trace::append(const trace_record& record) {
  write_json_line(out_, record);
  if (std::chrono::steady_clock::now() - flushed_ >= std::chrono::seconds{1}) flush();
  check();
}

void run_trace::flush() {
  out_.flush();
  flushed_ = std::chrono::steady_clock::now();
  check();
}

void run_trace::check() const {
  if (!out_) throw input_error(path_.string() + ": cannot be written; is the disk full?");
}

}  // namespace dvar::training
