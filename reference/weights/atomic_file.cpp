#include "weights/atomic_file.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <optional>
#include <streambuf>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.hpp"

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_prefix = ".dvar-";
constexpr std::string_view temporary_suffix = ".tmp";

[[noreturn]] void refuse_to_write(const fs::path& path, int error) {
  throw_system_error(path.string() + ": cannot be written", error);
}

/// Names the file that the rename replaces (a link's target), and its permissions if it is there.
struct destination {
  fs::path path;
  std::optional<mode_t> mode;

  fs::path directory() const { return path.has_parent_path() ? path.parent_path() : fs::path("."); }
};

destination resolve(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) refuse_to_write(path, errno);
    return {path, std::nullopt};
  }
  if (S_ISDIR(status.st_mode)) refuse_to_write(path, EISDIR);
  // A rename would put a file in the place of /dev/null.
  if (!S_ISREG(status.st_mode)) throw input_error(fmt::format("{}: is no regular file", path.string()));
  if (::access(path.c_str(), W_OK) != 0) refuse_to_write(path, errno);
  return {fs::canonical(path), status.st_mode & mode_t{07777}};
}

/// Makes a new file in `directory`, and removes it again unless it is renamed.
class temporary_file {
 public:
  temporary_file(const fs::path& directory, fs::path wanted) : wanted_(std::move(wanted)) {
    do {
      make_in(directory);
      // Who removes the files of killed processes may have taken it for one of them before it was locked.
    } while (!is_there());
  }

  ~temporary_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

  void rename_to(const destination& target) {
    if (target.mode && ::fchmod(descriptor_, *target.mode) != 0) refuse_to_write(wanted_, errno);
    if (::fsync(descriptor_) != 0) refuse_to_write(wanted_, errno);
    // Closed last, for its lock ends with that.
    if (::rename(name_.c_str(), target.path.c_str()) != 0) refuse_to_write(wanted_, errno);
    name_.clear();
    if (::close(std::exchange(descriptor_, -1)) != 0) refuse_to_write(wanted_, errno);
  }

 private:
  void make_in(const fs::path& directory) {
    static std::atomic<unsigned> counter{0};
    if (descriptor_ >= 0) ::close(descriptor_);
    do {
      // The name is independent of the final one, which may already have the greatest length.
      name_ = directory / fmt::format("{}{}-{}{}", temporary_prefix, ::getpid(), counter++, temporary_suffix);
      descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
    if (descriptor_ < 0) refuse_to_write(wanted_, errno);
    ::flock(descriptor_, LOCK_EX);  // what has no locks has nothing removed either
  }

  [[nodiscard]] bool is_there() const {
    struct stat status{};
    return ::fstat(descriptor_, &status) != 0 || status.st_nlink > 0;
  }

  /// The name for messages.
  fs::path wanted_;
  fs::path name_;
  int descriptor_ = -1;
};

/// Buffers output to a descriptor, and remembers why it failed: std::ofstream does not say.
class descriptor_buffer : public std::streambuf {
 public:
  explicit descriptor_buffer(int descriptor) : descriptor_(descriptor) {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
  }

  [[nodiscard]] int error() const { return error_; }

 protected:
  int_type overflow(int_type next) override {
    if (sync() != 0) return traits_type::eof();
    if (!traits_type::eq_int_type(next, traits_type::eof())) sputc(traits_type::to_char_type(next));
    return traits_type::not_eof(next);
  }

  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    if (count < epptr() - pptr()) {
      traits_type::copy(pptr(), bytes, static_cast<std::size_t>(count));
      pbump(static_cast<int>(count));
      return count;
    }
    return sync() == 0 && write({bytes, static_cast<std::size_t>(count)}) ? count : 0;
  }

  int sync() override {
    const auto pending = std::string_view(pbase(), static_cast<std::size_t>(pptr() - pbase()));
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return write(pending) ? 0 : -1;
  }

 private:
  bool write(std::string_view bytes) {
    while (!bytes.empty() && error_ == 0) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written >= 0)
        bytes.remove_prefix(static_cast<std::size_t>(written));
      else if (errno != EINTR)
        error_ = errno;
    }
    return error_ == 0;
  }

  int descriptor_;
  int error_ = 0;
  std::array<char, 65536> buffer_{};
};

/// Makes the rename itself survive a power cut. Not every file system can; the file is in place either way.
void flush_directory(const fs::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

void remove_unfinished_files(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator{folder, ignored}) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(temporary_prefix) || !name.ends_with(temporary_suffix)) continue;
    const int descriptor = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    // Whoever writes it holds its lock.
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
    ::close(descriptor);
  }
}

void write_atomically(const fs::path& path, std::string_view bytes) {
  write_atomically(path, [bytes](std::ostream& stream) {
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  });
}

void write_atomically(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  const auto target = resolve(path);
  temporary_file file(target.directory(), path);
  descriptor_buffer buffer(file.descriptor());
  std::ostream stream(&buffer);
  write(stream);
  stream.flush();
  if (buffer.error() != 0) refuse_to_write(path, buffer.error());
  if (!stream) throw input_error(fmt::format("{}: cannot be written: its content failed", path.string()));
  file.rename_to(target);
  flush_directory(target.directory());
}

void check_writable(const fs::path& path) {
  temporary_file(resolve(path).directory(), path);
}

}  // namespace dvar::weights
