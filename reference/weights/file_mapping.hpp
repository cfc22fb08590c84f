#pragma once

#include <filesystem>
#include <string_view>

namespace dvar::weights {

/// Maps a whole file into memory for reading, for as long as the object lives.
class file_mapping {
 public:
  /// Maps the file. Throws `dvar::input_error`, which names it, when it is missing, unreadable or no
  /// regular file.
  explicit file_mapping(const std::filesystem::path& path);
  ~file_mapping();

  file_mapping(const file_mapping&) = delete;
  file_mapping& operator=(const file_mapping&) = delete;

  [[nodiscard]] std::string_view bytes() const { return bytes_; }

  /// Takes the whole pages of a part of the file out of this process's memory. They are read again when they
  /// are used.
  void release(std::string_view part) const;

 private:
  std::string_view bytes_;
  int place_ = -1;  // among the mappings that the program can name when one breaks
};

/// Makes the program end with status 1 and one line that names the file, not by a bare signal, when a mapped file becomes
/// shorter or its disk fails while it is read (SIGBUS).
void report_vanished_files();

}  // namespace dvar::weights
