// The loader of saved states: any content for any rule, statistic, monitor or bank, under a header that is right. (Headers that
// are not are refused before anything is read: tests/toolkit/state_test.cpp flips every bit.)

#include <array>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <dvar/bank/variance_ratio_bank.hpp>
#include <dvar/monitor.hpp>
#include <dvar/probe/deterministic_probe.hpp>
#include <dvar/probe/time_budget.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/state.hpp>

#include "../toolkit/every_criterion.hpp"
#include "target.hpp"

namespace {

using bytes = std::vector<std::byte>;

bytes archive_of(std::span<const std::byte> content) {
  bytes archive;
  dvar::detail::append_little_endian(archive, dvar::detail::state_magic);
  dvar::detail::append_little_endian(archive, dvar::detail::state_format);
  dvar::detail::append_little_endian(archive, std::uint64_t{content.size()});
  dvar::detail::append_little_endian(archive, dvar::detail::fnv1a(content));
  archive.insert(archive.end(), content.begin(), content.end());
  return archive;
}

/// Makes a monitor with all that can be saved: a probe's generator, a schedule, a trace.
auto make_monitor() {
  return dvar::convergence_monitor{
      dvar::deterministic_probe{
          dvar::sources(dvar::fixed([](std::minstd_rand& g) { return static_cast<double>(g() % 100); })),
          [](double x) { return x; }, dvar::no_isolation{}, std::minstd_rand{1}},
      dvar::variance_ratio{{.window = 4}}, dvar::time_budget<dvar::test::still_clock>{0.5}};
}

struct monitor_of_a_loss {
  decltype(make_monitor()) monitor = make_monitor();
  std::size_t step = 0;

  void observe(double loss) { monitor.after_step(++step, {{"loss", loss}}); }
  [[nodiscard]] dvar::verdict latest() const { return monitor.latest(); }
  [[nodiscard]] std::string reason() const { return monitor.reason(); }
  static void state(auto& self, auto& archive) { archive(self.monitor); }
};

struct bank_of_losses {
  dvar::variance_ratio_bank<> bank{3, {.window = 5, .threshold = 0.3}};

  void observe(double loss) { bank.observe(std::array{loss, 2.0 * loss, loss * loss}); }
  static void state(auto& self, auto& archive) { archive(self.bank); }
};

auto everything() {
  return std::tuple_cat(dvar::test::every_criterion(), dvar::test::every_statistic(),
                        std::tuple{monitor_of_a_loss{}, bank_of_losses{}});
}

const auto& fresh_objects() {
  static const auto objects = everything();
  return objects;
}

constexpr std::size_t kinds = std::tuple_size_v<decltype(everything())>;

/// Checks that there is either a `state_error`, or an object that works and whose state is saved and loaded
/// as any other's.
template <class T>
void check(const T& fresh, const bytes& archive) {
  T object = fresh;
  try {
    dvar::load_state(object, archive);
  } catch (const dvar::state_error&) {
    dvar::fuzz::expect(dvar::save_state(object) == dvar::save_state(fresh),
                       "a refused state changes nothing");
    return;
  }
  T again = fresh;
  dvar::load_state(again, dvar::save_state(object));
  dvar::fuzz::expect(dvar::save_state(again) == dvar::save_state(object), "a loaded state saves and loads");
  for (int i = 0; i < 40; ++i) {
    dvar::test::show(object, 0.1 * (i % 7));
    if constexpr (requires { object.latest(); }) {
      const dvar::verdict latest = object.latest();
      dvar::fuzz::expect(latest.stop != latest.rule.empty(), "what stops has a name, and nothing else has");
      dvar::fuzz::expect(!(latest.stop && latest.warming_up), "what warms up does not stop");
      dvar::fuzz::expect(!object.reason().empty(), "there is a reason");
    }
  }
  if constexpr (requires { object.reset(); }) {
    object.reset();
    dvar::fuzz::expect(dvar::save_state(object) == dvar::save_state(fresh), "reset leaves nothing");
  }
}

template <std::size_t... Kind>
void check_kind(std::size_t kind, const bytes& archive, std::index_sequence<Kind...>) {
  ((kind == Kind ? check(std::get<Kind>(fresh_objects()), archive) : void()), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) {
    const auto content = std::as_bytes(std::span(data, size)).subspan(1);
    check_kind(data[0] % kinds, archive_of(content), std::make_index_sequence<kinds>{});
  }
  return 0;
}

std::vector<std::string> dvar::fuzz::seeds() {
  std::vector<std::string> all;
  char kind = 0;
  test::for_each(everything(), [&](auto& object) {
    for (int length = 0; length < 3; ++length) {
      const auto archive = save_state(object);
      const auto content = std::span(archive).subspan(detail::state_header_size);
      all.push_back(kind + std::string(reinterpret_cast<const char*>(content.data()), content.size()));
      for (int i = 0; i < 17; ++i)
        test::show(object, 0.3 * i);
    }
    ++kind;
  });
  return all;
}
