#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/reduction.hpp>
#include <dvar/detail/copyable_box.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// One verdict for all ranks of a distributed run, whatever each of them observes: `agreed{maximum_over_ranks,
/// non_finite{}}` stops all where one of them would.
///
/// `reduce` is shown 1 by a rank whose member stops and 0 by the others; all stop where it returns at least 1/2. The
/// maximum is "any rank", the minimum "every rank", the mean "half of them". Where the member of this rank does not
/// stop and the others do, the reason is "agreed"; statistic and warming up are this rank's own.
///
/// `reduce` communicates: all ranks observe equally often, in the same order, or they wait for each other for ever.
/// The reduction is not part of the state. O(1) calls of it an observation.
template <reduction Reduce, criterion Member>
class agreed {
 public:
  /// Keeps both by value.
  agreed(Reduce reduce, Member member) : member_(std::move(member)), reduce_(std::move(reduce)) {}

  verdict observe(double value) { return agree(member_.observe(value)); }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) { return agree(observe_at(member_, value, step)); }

  [[nodiscard]] verdict latest() const {
    verdict latest = member_.latest();
    if (latest.stop != stop_) {
      latest.stop = stop_;
      latest.reason = stop_ ? "agreed" : "";
      latest.warming_up = latest.warming_up && !stop_;
    }
    return latest;
  }

  [[nodiscard]] std::string reason() const {
    return std::string("the ranks ") + (stop_ ? "stop" : "go on") + "; this one: " + member_.reason();
  }

  /// The member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  void reset() {
    member_.reset();
    stop_ = false;
  }

  void save(state_writer& out) const {
    out.section("agreed", 1);
    out.write_flag(stop_);
    member_.save(out);
  }

  void load(state_reader& in) {
    in.section("agreed", 1);
    stop_ = in.read_flag();
    member_.load(in);
  }

 private:
  verdict agree(const verdict& mine) {
    stop_ = static_cast<double>((*reduce_)(mine.stop ? 1.0 : 0.0)) >= 0.5;
    return latest();
  }

  Member member_;
  detail::copyable_box<Reduce> reduce_;
  bool stop_ = false;
};

}  // namespace dvar
