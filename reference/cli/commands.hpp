/// The subcommands of `dvar`. Each adds its options to the program and runs from CLI11's callback.
#pragma once

namespace CLI {
class App;
}

namespace dvar::cli {

void add_pretrain(CLI::App& program);

}  // namespace dvar::cli
