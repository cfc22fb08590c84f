#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <dvar/criteria/any_criterion.hpp>
#include <dvar/state.hpp>

namespace dvar::c {

/// What `dvar::any_of` and `dvar::all_of` share when the number of members is known at run time only. Their
/// meaning, and the bytes of their state, are those of the headers.
class rule_group {
 public:
  rule_group(const char* name, std::vector<any_criterion> members)
      : name_(name), members_(std::move(members)) {
    if (members_.empty()) {
      throw std::invalid_argument(std::string(name_) + ": at least 1 member is needed, not 0");
    }
  }

  void reset() {
    for (any_criterion& member : members_) {
      member.reset();
    }
  }

  void save(state_writer& out) const {
    out.section(name_, 1);
    out.write_count(members_.size());
    for (const any_criterion& member : members_) {
      member.save(out);
    }
  }

  void load(state_reader& in) {
    in.section(name_, 1);
    in.expect_count(members_.size(), std::string(name_) + "'s number of members");
    for (any_criterion& member : members_) {
      member.load(in);
    }
  }

 protected:
  void show(double value) {
    for (any_criterion& member : members_) {
      member.observe(value);
    }
  }

  void show(double value, std::size_t step) {
    for (any_criterion& member : members_) {
      member.observe(value, step);
    }
  }

  [[nodiscard]] std::string all_reasons() const {
    std::string all;
    for (const any_criterion& member : members_) {
      all += (all.empty() ? "" : "; ") + member.reason();
    }
    return all;
  }

  [[nodiscard]] const std::vector<any_criterion>& members() const noexcept { return members_; }

 private:
  const char* name_;
  std::vector<any_criterion> members_;
};

/// `dvar::any_of`.
class any_of_rules : public rule_group {
 public:
  explicit any_of_rules(std::vector<any_criterion> members) : rule_group("any_of", std::move(members)) {}

  verdict observe(double value) {
    show(value);
    return latest();
  }

  verdict observe(double value, std::size_t step) {
    show(value, step);
    return latest();
  }

  [[nodiscard]] verdict latest() const {
    verdict combined;
    for (const any_criterion& member : members()) {
      const verdict next = member.latest();
      if (next.stop) {
        return next;
      }
      combined.warming_up = combined.warming_up || next.warming_up;
      combined.statistic = combined.statistic ? combined.statistic : next.statistic;
    }
    return combined;
  }

  [[nodiscard]] std::string reason() const {
    for (const any_criterion& member : members()) {
      if (member.latest().stop) {
        return member.reason();
      }
    }
    return all_reasons();
  }
};

static_assert(criterion<any_of_rules>);

/// `dvar::all_of`.
class all_of_rules : public rule_group {
 public:
  explicit all_of_rules(std::vector<any_criterion> members) : rule_group("all_of", std::move(members)) {}

  verdict observe(double value) {
    show(value);
    return latest();
  }

  verdict observe(double value, std::size_t step) {
    show(value, step);
    return latest();
  }

  [[nodiscard]] verdict latest() const {
    verdict combined{.stop = true};
    for (const any_criterion& member : members()) {
      const verdict next = member.latest();
      combined.stop = combined.stop && next.stop;
      combined.warming_up = combined.warming_up || next.warming_up;
      combined.statistic = combined.statistic ? combined.statistic : next.statistic;
    }
    combined.reason = combined.stop ? "all_of" : "";
    return combined;
  }

  [[nodiscard]] std::string reason() const { return all_reasons(); }
};

static_assert(criterion<all_of_rules>);

}  // namespace dvar::c
