#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::device {

/// Says what a part of a run took, all its times together.
struct phase_total {
  std::string path;  ///< its name behind those of the parts that it is a part of: `training/step/unet`
  std::int64_t count = 0;
  double seconds = 0.0;  ///< of the clock, with its own parts
  /// The most memory that the process had when the part ended, in bytes; 0 where the system does not say. On a GPU it is the
  /// processor's all the same.
  std::int64_t resident_bytes = 0;
};

/// Records what the parts of a run take, those of the thread that made it: of work that threads share, that is what its own share
/// took, and the waiting for the others belongs to the part around it. A GPU works behind the processor's back: its time shows
/// where the processor waits for it.
///
/// There is one at a time on a thread. What one part costs is some microseconds.
class phase_recorder {
 public:
  using clock = std::chrono::steady_clock;

  /// Keeps every single time too, for `chrome_trace`, if `keeps_events`: 40 bytes each.
  explicit phase_recorder(bool keeps_events = false);
  phase_recorder(const phase_recorder&) = delete;
  phase_recorder& operator=(const phase_recorder&) = delete;
  ~phase_recorder();

  /// Returns all parts that have ended, each behind the one that it is a part of, in the order in which they first began.
  [[nodiscard]] std::vector<phase_total> totals() const;

  /// Returns all that was recorded as JSON in the Trace Event Format, which chrome://tracing and Perfetto show: complete events
  /// ("ph": "X") with microseconds since the recorder was made.
  [[nodiscard]] std::string chrome_trace() const;

 private:
  friend class phase;

  struct node {
    std::string name;
    std::size_t parent;
    std::int64_t count = 0;
    clock::duration time{};
    std::int64_t resident_bytes = 0;
  };
  struct event {
    std::size_t node;
    clock::time_point begin;
    clock::duration time;
  };

  void enter(std::string_view name);
  void leave(clock::time_point begin);
  void append(std::size_t parent, const std::string& path, std::vector<phase_total>& totals) const;

  const clock::time_point begin_ = clock::now();
  const bool keeps_events_;
  std::vector<node> nodes_{{}};  // the first is all of the run
  std::size_t current_ = 0;
  std::vector<event> events_;
};

/// Is a part of a run as long as it lives. Parts of one thread lie one in another or one after the other. Where nothing is
/// recorded it does nothing.
class phase {
 public:
  explicit phase(std::string_view name);
  phase(const phase&) = delete;
  phase& operator=(const phase&) = delete;
  ~phase();

 private:
  phase_recorder* recorder_;
  phase_recorder::clock::time_point begin_{};
};

}  // namespace dvar::device
