#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dvar::cli {

/// An option of `dvar train`, and what a setting gives it.
struct sweep_option {
  std::string name;                 ///< without the dashes
  std::vector<std::string> values;  ///< one, several where it is repeated, none for a flag that is set
};

/// What the runs of a sweep have in common that differ by their concept alone.
struct sweep_setting {
  std::string name;  ///< letters, digits and `._=,+-`: the name of a folder
  std::vector<sweep_option> options;
};

/// The settings of a grid, in the order of the file. It is a JSON object of options of `dvar train` without their dashes, each
/// with a value or a list of values, and stands for all combinations, the last option varying fastest; or
/// `{"settings": {NAME: {OPTION: VALUE, …}, …}, "grid": {…}}`, each of the named settings with each of the combinations. A list
/// as a value, inside a list or in a named setting, repeats the option; true and false are for flags.
/// \throws dvar::input_error names the file and the key: no option of `dvar train`, or one that the sweep itself gives (with the
/// closest that can be given), a value of the wrong type, two settings of the same name.
std::vector<sweep_setting> read_sweep_grid(const std::filesystem::path& file);

/// The setting's options as arguments of `dvar train`; `{concept}` and `{images}` in values are replaced.
std::vector<std::string> arguments_of(const sweep_setting& setting, const std::string& concept_name,
                                      const std::filesystem::path& images);

/// Refuses what `dvar train` would refuse without opening a file. \throws dvar::input_error
void check_train_arguments(std::vector<std::string> arguments);

}  // namespace dvar::cli
