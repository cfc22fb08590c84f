#include "device/phases.hpp"

#include <algorithm>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "device/machine_memory.hpp"

namespace dvar::device {
namespace {

thread_local phase_recorder* recorder_of_thread = nullptr;

}  // namespace

phase_recorder::phase_recorder(bool keeps_events) : keeps_events_{keeps_events} {
  if (recorder_of_thread != nullptr) throw std::logic_error("phase_recorder: there is one on this thread");
  recorder_of_thread = this;
}

phase_recorder::~phase_recorder() {
  recorder_of_thread = nullptr;
}

void phase_recorder::enter(std::string_view name) {
  const auto found = std::ranges::find_if(
      nodes_, [&](const node& each) { return each.parent == current_ && each.name == name; });
  const auto index = static_cast<std::size_t>(found - nodes_.begin());
  if (found == nodes_.end()) nodes_.push_back({.name = std::string{name}, .parent = current_});
  current_ = index;
}

void phase_recorder::leave(clock::time_point begin) {
  node& ended = nodes_[current_];
  const clock::duration time = clock::now() - begin;
  ended.time += time;
  ended.count += 1;
  ended.resident_bytes = std::max(ended.resident_bytes, resident_memory().value_or(0));
  if (keeps_events_) events_.push_back({.node = current_, .begin = begin, .time = time});
  current_ = ended.parent;
}

void phase_recorder::append(std::size_t parent, const std::string& path,
                            std::vector<phase_total>& totals) const {
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    const node& each = nodes_[i];
    if (each.parent != parent || each.count == 0) continue;
    const std::string own = path + each.name;
    totals.push_back({.path = own,
                      .count = each.count,
                      .seconds = std::chrono::duration<double>(each.time).count(),
                      .resident_bytes = each.resident_bytes});
    append(i, own + "/", totals);
  }
}

std::vector<phase_total> phase_recorder::totals() const {
  std::vector<phase_total> totals;
  append(0, "", totals);
  return totals;
}

std::string phase_recorder::chrome_trace() const {
  using microseconds = std::chrono::duration<double, std::micro>;
  nlohmann::json events = nlohmann::json::array();
  for (const event& each : events_) {
    events.push_back({{"name", nodes_[each.node].name},
                      {"ph", "X"},
                      {"ts", microseconds(each.begin - begin_).count()},
                      {"dur", microseconds(each.time).count()},
                      {"pid", 0},
                      {"tid", 0}});
  }
  return nlohmann::json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}}.dump();
}

phase::phase(std::string_view name) : recorder_{recorder_of_thread} {
  if (recorder_ == nullptr) return;
  recorder_->enter(name);
  begin_ = phase_recorder::clock::now();
}

phase::~phase() {
  if (recorder_ != nullptr) recorder_->leave(begin_);
}

}  // namespace dvar::device
