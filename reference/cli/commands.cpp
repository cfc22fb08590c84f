#include "cli/commands.hpp"

namespace dvar::cli {

void add_commands(CLI::App& program) {
  add_train(program);
  add_sample(program);
  add_score(program);
  add_init(program);
  add_inspect(program);
  add_replay(program);
  add_sweep(program);
  add_pretrain(program);
}

}  // namespace dvar::cli
