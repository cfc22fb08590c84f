#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Holds a number and what it is. The name of one that a record gives refers to the trace, until a new name comes to that.
struct named_value {
  std::string_view name;
  double value = 0.0;

  bool operator==(const named_value&) const = default;
};

/// Names the step's own loss, which the loop may give, in a record.
inline constexpr std::string_view training_loss_name = "loss";

/// Names the probe's loss, which the criterion observes, in a record.
inline constexpr std::string_view probe_loss_name = "probe_loss";

class trace;

/// Holds what is known of one training step: its number and named values, in the order of the trace's names.
/// What was not measured at that step is not among them.
///
/// A record refers to its trace, which must outlive it; what is appended to the trace leaves it valid.
class trace_record {
 public:
  /// Makes the record of no step.
  trace_record() = default;

  /// Returns the training step, counted from 1.
  [[nodiscard]] std::size_t step() const;

  /// Returns the number of values.
  [[nodiscard]] std::size_t size() const;
  /// Returns whether there is no value.
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// Returns the value at a place in the record. Precondition: `index < size()`.
  [[nodiscard]] named_value operator[](std::size_t index) const;

  /// Returns the value of this name, or no value where it was not measured. Takes O(values) time.
  [[nodiscard]] std::optional<double> operator[](std::string_view name) const;

  /// Iterates over the values.
  class iterator {
   public:
    using value_type = named_value;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    iterator(const trace_record* record, std::size_t index) : record_(record), index_(index) {}
    named_value operator*() const { return (*record_)[index_]; }
    iterator& operator++() {
      ++index_;
      return *this;
    }
    iterator operator++(int) {
      iterator old = *this;
      ++index_;
      return old;
    }
    bool operator==(const iterator& other) const { return index_ == other.index_; }

   private:
    const trace_record* record_ = nullptr;
    std::size_t index_ = 0;
  };

  [[nodiscard]] iterator begin() const { return {this, 0}; }
  [[nodiscard]] iterator end() const { return {this, size()}; }

  /// Compares steps, names and the numbers themselves, in whatever order; a NaN differs from everything.
  bool operator==(const trace_record& other) const {
    return step() == other.step() && size() == other.size() &&
           std::all_of(begin(), end(),
                       [&other](const named_value& each) { return other[each.name] == each.value; });
  }

 private:
  friend class trace;
  trace_record(const trace& from, std::size_t index) : trace_(&from), index_(index) {}

  const trace* trace_ = nullptr;
  std::size_t index_ = 0;
};

/// Holds a recorded run: records in the order of their steps, and the names of their values in a fixed order.
///
///     dvar::trace run{{"loss", "probe_loss"}};
///     run.append(1, {{"loss", 0.21}});
///     run.back()["loss"];  // 0.21
///
/// A name that is new comes behind those that are known. Takes 16 bytes a value and 16 a record; appending takes constant
/// time a value, on average, and allocates as a vector does.
class trace {
 public:
  /// Makes a trace without records or names.
  trace() = default;

  /// Makes a trace without records, in which `names` come first, in this order. Throws what `column` throws.
  explicit trace(const std::vector<std::string>& names) {
    for (const std::string& name : names)
      column(name);
  }

  /// Returns the names of the values that records have, in their order.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

  /// Returns whether every form of a trace can hold the name.
  static bool can_name(std::string_view name) {
    return !name.empty() && name != "step" && std::none_of(name.begin(), name.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == ',' || c == '\\' || c == 0x7f;
    });
  }

  /// Returns the place of a name among the names, and adds it where it is new. Takes O(names) time.
  ///
  /// Throws `std::invalid_argument` when `name` cannot be written to every form of a trace: it is empty, "step", or has a
  /// control character, a quotation mark, a comma or a backslash in it.
  std::size_t column(std::string_view name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    const auto place = static_cast<std::size_t>(found - names_.begin());
    if (found != names_.end()) return place;
    if (!can_name(name)) {
      detail::fail<std::invalid_argument>(
          "trace: '" + std::string(name) +
          "' cannot name a value: expected text other than \"step\", without quotation marks, commas, backslashes and control characters");
    }
    names_.emplace_back(name);
    return place;
  }

  /// Begins the record of a step. Precondition: records come in the order of their steps.
  void append(std::size_t step) { rows_.push_back({step, cells_.size()}); }

  /// Appends a record. Throws what `add` throws, and then the trace has the records that it had.
  template <class Values = std::initializer_list<named_value>>
  void append(std::size_t step, const Values& values) {
    unfinished_record record{*this};
    append(step);
    for (const named_value& value : values)
      add(value.name, value.value);
    record.finished = true;
  }

  /// Adds a value to the latest record, at its name's place in the order. Throws `std::invalid_argument` when the record
  /// has a value of this name already, or as `column` does. Precondition: there is a record.
  void add(std::string_view name, double value) { add(column(name), value); }

  /// Adds a value by the place of its name.
  void add(std::size_t column, double value) {
    auto at = cells_.end();
    const auto first = cells_.begin() + static_cast<std::ptrdiff_t>(rows_.back().first);
    while (at != first && std::prev(at)->column > column)
      --at;
    if (at != first && std::prev(at)->column == column) {
      detail::fail<std::invalid_argument>("trace: step " + std::to_string(rows_.back().step) + " has \"" +
                                          names_[column] + "\" already");
    }
    cells_.insert(at, {column, value});
  }

  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// Returns a record. Precondition: `index < size()`; here and in `front` and `back` there is a record.
  [[nodiscard]] trace_record operator[](std::size_t index) const { return {*this, index}; }
  [[nodiscard]] trace_record front() const { return {*this, 0}; }
  [[nodiscard]] trace_record back() const { return {*this, size() - 1}; }

  /// Iterates over the records.
  class iterator {
   public:
    using value_type = trace_record;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    iterator(const trace* from, std::size_t index) : trace_(from), index_(index) {}
    trace_record operator*() const { return (*trace_)[index_]; }
    iterator& operator++() {
      ++index_;
      return *this;
    }
    iterator operator++(int) {
      iterator old = *this;
      ++index_;
      return old;
    }
    bool operator==(const iterator& other) const { return index_ == other.index_; }

   private:
    const trace* trace_ = nullptr;
    std::size_t index_ = 0;
  };

  [[nodiscard]] iterator begin() const { return {this, 0}; }
  [[nodiscard]] iterator end() const { return {this, size()}; }

  /// Forgets records and names: equal to a new trace. Keeps the memory for a run that is as long.
  void reset() noexcept {
    names_.clear();
    rows_.clear();
    cells_.clear();
  }

  bool operator==(const trace& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

  /// Shows the archive names and records. Loading throws `state_error` for a state that is no trace's.
  static void state(auto& self, auto& archive) {
    archive.section("trace", 1);
    auto names = self.names_.size();
    auto rows = self.rows_.size();
    auto cells = self.cells_.size();
    archive(names, rows, cells);
    if constexpr (is_loading<decltype(archive)>) self.make_room(archive, names, rows, cells);
    for (auto& name : self.names_)
      archive(name);
    for (auto& row : self.rows_)
      archive(row.step, row.first);
    for (auto& cell : self.cells_)
      archive(cell.column, cell.value);
    if constexpr (is_loading<decltype(archive)>) self.check();
  }

 private:
  friend class trace_record;

  struct row {
    std::size_t step = 0;
    std::size_t first = 0;  // of its cells
  };
  struct cell {
    std::size_t column = 0;
    double value = 0.0;
  };

  /// Takes a record out again whose values are not all there.
  struct unfinished_record {
    trace& of;
    std::size_t rows = of.rows_.size();
    std::size_t cells = of.cells_.size();
    bool finished = false;

    ~unfinished_record() {
      if (finished) return;
      of.rows_.resize(rows);
      of.cells_.resize(cells);
    }
  };

  [[nodiscard]] std::size_t cells_before(std::size_t index) const {
    return index < rows_.size() ? rows_[index].first : cells_.size();
  }

  void make_room(const state_reader& in, std::size_t names, std::size_t rows, std::size_t cells) {
    // Each takes at least eight bytes: no more memory than the archive itself has is asked for.
    if (names > in.remaining() / 8 || rows > in.remaining() / 16 || cells > in.remaining() / 16)
      detail::fail<state_error>("saved state: a trace of more values than were saved");
    names_.assign(names, {});
    rows_.assign(rows, {});
    cells_.assign(cells, {});
  }

  /// Throws `state_error` unless these are names and records as `column`, `append` and `add` make them.
  void check() const {
    std::vector<std::string_view> sorted(names_.begin(), names_.end());
    std::sort(sorted.begin(), sorted.end());
    const bool differ = std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
    if (!differ || !std::all_of(sorted.begin(), sorted.end(), can_name))
      detail::fail<state_error>("saved state: a trace with names that it cannot have");
    bool in_order = rows_.empty() ? cells_.empty() : rows_.front().first == 0;
    for (std::size_t i = 0; i < rows_.size() && in_order; ++i) {
      const std::size_t end = cells_before(i + 1);
      in_order = rows_[i].first <= end && end <= cells_.size();
      for (std::size_t c = rows_[i].first; c < end && in_order; ++c)
        in_order = cells_[c].column < names_.size() &&
                   (c == rows_[i].first || cells_[c - 1].column < cells_[c].column);
    }
    if (!in_order) detail::fail<state_error>("saved state: a trace's records are out of order");
  }

  std::vector<std::string> names_;
  std::vector<row> rows_;
  std::vector<cell> cells_;
};

inline std::size_t trace_record::step() const {
  return trace_ == nullptr ? 0 : trace_->rows_[index_].step;
}

inline std::size_t trace_record::size() const {
  return trace_ == nullptr ? 0 : trace_->cells_before(index_ + 1) - trace_->rows_[index_].first;
}

inline named_value trace_record::operator[](std::size_t index) const {
  const trace::cell& cell = trace_->cells_[trace_->rows_[index_].first + index];
  return {trace_->names_[cell.column], cell.value};
}

inline std::optional<double> trace_record::operator[](std::string_view name) const {
  for (const named_value& each : *this)
    if (each.name == name) return each.value;
  return std::nullopt;
}

}  // namespace dvar::inline v0_2
