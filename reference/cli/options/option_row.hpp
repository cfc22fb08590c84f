#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/options/accepted_values.hpp"

namespace dvar::cli {

/// Says where an option's value goes: a member of its command's struct of options. What stands there is the
/// default.
using option_target =
    std::variant<bool*, int*, std::int64_t*, std::uint64_t*, double*, std::string*, std::filesystem::path*,
                 std::optional<std::int64_t>*, std::optional<double>*, std::vector<std::string>*,
                 std::vector<std::filesystem::path>*>;

/// Says what has to hold where an option is given, for it would have no effect otherwise.
struct requirement {
  std::string expected{};       ///< says what, such as `--schedule polynomial`
  std::function<bool()> met{};  ///< is empty where nothing is required
  std::string because{};        ///< says why in the error; may be empty
};

/// Says which paths a shell offers for a value.
enum class offered_paths {
  of_type,  ///< are files and folders where the value is a path
  none,
  files,  ///< have folders among them
  folders,
};

inline bool always() {
  return true;
}
inline bool never() {
  return false;
}

/// Holds everything that is to be known of an option. Help, checks, `config.json`, the keys of `dvar sweep`
/// and the tables of docs/command-line.md are made from it.
struct option_row {
  /// Has no dashes in front; with `_` for `-` it is the key in `config.json`.
  std::string name;
  std::vector<std::string> aliases{};  ///< are other spellings, which no help shows
  option_target value;
  /// Is one line without a full stop; what the option accepts and needs is added to it.
  std::string help;
  /// Says in words what holds without the option, where its member does not say so.
  std::string otherwise{};
  accepted_values accepts{};
  requirement needs{};
  bool positional = false;
  bool required = false;
  std::string unless{};  ///< names an option in whose place it stands: with that it is not required
  /// Says whether the option decides how a run goes, so that a resumed run must have the same.
  std::function<bool()> decides = always;
  /// Gives what is recorded in place of the text, where several texts mean the same.
  std::function<std::string()> recorded_as{};
  /// Says that the sweep gives it itself, so that no setting may.
  bool given_by_sweep = false;
  std::string heading{};  ///< stands above it in the help
  std::vector<std::string>
      offers{};  ///< are words that a shell completes to, beside the choices that are accepted
  offered_paths paths = offered_paths::of_type;
};

using option_rows = std::vector<option_row>;

/// Names the options that were given.
using given_options = std::set<std::string, std::less<>>;

/// Adds rows below a heading.
void append(option_rows& rows, const std::string& heading, option_rows more);

/// Returns the row of a name or an alias, or null where there is none.
const option_row* find_row(const option_rows& rows, std::string_view name);

/// Returns whether the option is a flag, which takes no value.
bool is_flag(const option_row& row);

/// Returns the value as a command line or `config.json` would have it: `0.5`, `a, b`; empty where there is
/// none.
std::string text_of(const option_row& row);

/// Throws `dvar::input_error` when a row does not accept its value, given or not, or a number is not finite;
/// names the option, what was expected and what was found.
void check_values(const option_rows& rows, const given_options& given);

/// Throws `dvar::input_error` when an option was given and would have no effect.
void check_needs(const option_rows& rows, const given_options& given);

/// Throws `dvar::input_error` when `check_values` or `check_needs` does.
void check(const option_rows& rows, const given_options& given);

}  // namespace dvar::cli
