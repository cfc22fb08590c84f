#include "weights/output_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "error.hpp"
#include "weights/read_file.hpp"

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

fs::path mark_in(const fs::path& folder) {
  return folder / folder_mark;
}

/// Returns whether the mark is there but not yet written: another process is about to, or was killed before it could.
bool is_being_marked(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(mark_in(folder), error) && fs::file_size(mark_in(folder), error) == 0;
}

/// Returns the names of what is in a folder but for the mark and hidden files, sorted.
std::vector<std::string> contents_of(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry{folder, error}, end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && name != folder_mark) names.push_back(name);
  }
  if (error)
    throw input_error(fmt::format("--output: {} cannot be listed: {}", folder.string(), error.message()));
  std::ranges::sort(names);
  return names;
}

/// Opens the mark, and makes it if it is not there.
int open_mark(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw input_error(fmt::format("--output: {} cannot be made: {}", folder.string(), error.message()));
  const int file = ::open(mark_in(folder).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0)
    throw_system_error(fmt::format("--output: {} cannot be written", mark_in(folder).string()), errno);
  return file;
}

/// Writes what the mark says, at one go.
void write_mark(int file, const fs::path& folder, std::string_view command) {
  const std::string text = nlohmann::json{{"program", "dvar"}, {"command", command}}.dump() + "\n";
  if (::pwrite(file, text.data(), text.size(), 0) != static_cast<::ssize_t>(text.size()))
    throw_system_error(fmt::format("--output: {} cannot be written", mark_in(folder).string()), errno);
}

}  // namespace

std::optional<std::string> writer_of(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_regular_file(mark_in(folder), error)) return std::nullopt;
  const auto mark = nlohmann::json::parse(read_file(mark_in(folder)), nullptr, /*allow_exceptions=*/false);
  if (!mark.is_object() || mark.value("program", nlohmann::json{}) != "dvar") return std::nullopt;
  const auto command = mark.find("command");
  if (command == mark.end() || !command->is_string()) return std::nullopt;
  return command->get<std::string>();
}

void check_output_folder(const fs::path& folder, std::string_view command) {
  if (folder.empty()) throw input_error("--output: expected a folder, found ''");
  std::error_code error;
  if (!fs::exists(folder, error)) return;
  if (!fs::is_directory(folder, error))
    throw input_error(fmt::format("--output: expected a folder, found the file {}", folder.string()));
  const std::optional<std::string> writer = writer_of(folder);
  if (writer == command || is_being_marked(folder)) return;
  if (writer) {
    throw input_error(
        fmt::format("--output: expected a new folder or one of dvar {}, found {}, which is of dvar {}",
                    command, folder.string(), *writer));
  }
  std::vector<std::string> names = contents_of(folder);
  // A foreign file of the mark's name would be written over.
  if (fs::exists(mark_in(folder), error)) names.insert(names.begin(), folder_mark);
  if (names.empty()) return;
  constexpr std::size_t shown = 3;
  const std::size_t more = names.size() > shown ? names.size() - shown : 0;
  names.resize(names.size() - more);
  throw input_error(fmt::format(
      "--output: expected a new or empty folder, or one of dvar {}, found {}, which holds {}{}; nothing of it is touched",
      command, folder.string(), fmt::join(names, ", "), more > 0 ? fmt::format(" and {} more", more) : ""));
}

void mark_output_folder(const fs::path& folder, std::string_view command) {
  const int file = open_mark(folder);
  try {
    if (!writer_of(folder)) write_mark(file, folder, command);
  } catch (const input_error&) {
    ::close(file);
    throw;
  }
  ::close(file);
}

output_folder::output_folder(fs::path folder, std::string_view command)
    : folder_{std::move(folder)}, command_{command} {
  check_output_folder(folder_, command_);
  used_ = writer_of(folder_) == command_;
  if (!used_) return;
  file_ = open_mark(folder_);
  lock();
}

void output_folder::make() {
  if (file_ >= 0) return;
  // Since the first look, somebody else may have begun and even finished.
  check_output_folder(folder_, command_);
  file_ = open_mark(folder_);
  lock();
  if (writer_of(folder_))
    throw input_error(
        fmt::format("--output: another dvar {} has written into {}", command_, folder_.string()));
  write_mark(file_, folder_, command_);
}

void output_folder::lock() {
  if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  ::close(std::exchange(file_, -1));
  if (error == EWOULDBLOCK)
    throw input_error(
        fmt::format("--output: another dvar {} is writing into {}", command_, folder_.string()));
  throw_system_error(fmt::format("--output: {} cannot be locked", mark_in(folder_).string()), error);
}

output_folder::output_folder(output_folder&& other) noexcept
    : folder_{std::move(other.folder_)},
      command_{std::move(other.command_)},
      used_{other.used_},
      file_{std::exchange(other.file_, -1)} {}

output_folder::~output_folder() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace dvar::weights
