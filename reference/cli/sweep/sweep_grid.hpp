#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dvar::cli {

/// Holds an option of `dvar train`, and what a setting gives it.
struct sweep_option {
  std::string name;  ///< has no dashes in front
  /// Holds the values: one, several where the option is repeated, none for a flag that is set.
  std::vector<std::string> values;
};

/// Holds what the runs of a sweep have in common that differ by their concept alone.
struct sweep_setting {
  std::string name;  ///< has letters, digits and `._=,+-`: it names a folder
  std::vector<sweep_option> options;
};

/// Reads the settings of a grid, in the order of the file. It is a JSON object of options of `dvar train`
/// without their dashes, each with a value or a list of values, and stands for all combinations, the last
/// option varying fastest; or `{"settings": {NAME: {OPTION: VALUE, …}, …}, "grid": {…}}`, each of the named
/// settings with each of the combinations. A list as a value, inside a list or in a named setting, repeats
/// the option; true and false are for flags. Throws `dvar::input_error` when a key is no option of `dvar
/// train` or one that the sweep itself gives (the message has the closest that can be given), a value is of
/// the wrong type, or two settings have the same name; it names the file and the key.
std::vector<sweep_setting> read_sweep_grid(const std::filesystem::path& file);

/// Returns the setting's options as arguments of `dvar train`; `{concept}` and `{images}` in values are replaced.
std::vector<std::string> arguments_of(const sweep_setting& setting, const std::string& concept_name,
                                      const std::filesystem::path& images);

/// Throws `dvar::input_error` when `dvar train` would refuse the arguments without opening a file.
void check_train_arguments(std::vector<std::string> arguments);

}  // namespace dvar::cli
