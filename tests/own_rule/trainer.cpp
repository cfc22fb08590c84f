// What the trainer does with a rule's text, as two commands: `trainer replay …` is the program's own subcommand, and
// `trainer train --stop TEXT` says what a run would do.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/criteria/any_criterion.hpp>
#include <dvar/criteria/report.hpp>

#include "cli/commands.hpp"
#include "error.hpp"
#include "training/stopping.hpp"

namespace {

void run(std::string_view command, const std::vector<std::string>& arguments) {
  if (command == "replay") {
    const dvar::cli::subcommand replay = dvar::cli::replay_subcommand();
    replay.run(dvar::cli::parse(replay.options, arguments));
    return;
  }
  const dvar::training::stop_text stop = dvar::training::parse_stop(arguments.back());
  const dvar::any_criterion rule = dvar::training::make_rule(stop);
  std::printf("%s is shown", to_text(stop.rules).c_str());
  std::printf(" %s and judges by", std::string(stop.shown).c_str());
  for (const dvar::judged_number& number : dvar::judged_numbers(rule))
    std::printf(" %s, which stops %s\n", number.name.c_str(), to_text(number.stops).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argv[1], {argv + 2, argv + argc});
  } catch (const dvar::input_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
