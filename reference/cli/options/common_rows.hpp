/// Declares options that several subcommands have.
#pragma once

#include "cli/options/option_row.hpp"

namespace dvar::cli {

option_row model_row(std::string& model);
option_row config_row(std::filesystem::path& config);
option_row vae_row(std::filesystem::path& vae);
option_row prediction_type_row(std::string& prediction);
option_row center_crop_row(bool& center_crop);
option_row threads_row(int& threads);
option_row quiet_row(bool& quiet);
option_row json_row(bool& json, const std::string& help);

/// Returns the rules that a shell offers for `--stop`.
std::vector<std::string> offered_rules();

}  // namespace dvar::cli
