#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace dvar::weights {

/// Is the file that says of a folder what has written it, `{"program": "dvar", "command": "train"}`. Who writes there holds a
/// lock on it.
inline constexpr const char* folder_mark = "dvar.json";

/// Returns the command that has written into a folder, such as `train`, or no value where the folder has no mark of ours.
std::optional<std::string> writer_of(const std::filesystem::path& folder);

/// Throws `dvar::input_error`, which says what is there, when a folder is neither new nor empty nor one that `command` has
/// written into. Hidden files do not count: no result of ours is called so.
void check_output_folder(const std::filesystem::path& folder, std::string_view command);

/// Makes a folder, if it is not there, and says in it that `command` writes there. Throws `dvar::input_error` when it cannot be
/// made.
void mark_output_folder(const std::filesystem::path& folder, std::string_view command);

/// Holds a folder that a command writes into: a new or an empty one, or one that the same command has written into. Nobody else's
/// files are touched, and two processes never write into the same.
class output_folder {
 public:
  /// Looks at the folder, and locks it if it is there and ours; changes nothing. Throws `dvar::input_error` when it is
  /// somebody else's, or another process writes into it.
  output_folder(std::filesystem::path folder, std::string_view command);

  /// Returns whether the command has written into it before.
  [[nodiscard]] bool is_used() const { return used_; }

  /// Makes, marks and locks it. Throws `dvar::input_error` when that cannot be done.
  void make();

  output_folder(output_folder&& other) noexcept;
  output_folder& operator=(output_folder&&) = delete;
  ~output_folder();

 private:
  void lock();

  std::filesystem::path folder_;
  std::string command_;
  bool used_ = false;
  int file_ = -1;  // is the mark, locked (flock) until it is closed, however the process ends
};

}  // namespace dvar::weights
