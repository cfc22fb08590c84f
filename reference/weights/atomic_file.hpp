#pragma once

#include <filesystem>
#include <functional>
#include <ostream>
#include <string_view>

namespace dvar::weights {

/// Replaces `path` by `bytes`, or leaves it exactly as it was.
///
/// The bytes go to a temporary file in the same directory, which is flushed to the disk (fsync) and then
/// renamed over `path`: a reader sees the old file or the new one, never a part of it, also after a power
/// cut. The directory must exist. An existing file keeps its permissions; a new one gets 0666 less the umask.
/// A symbolic link to a file is followed: the file that it names is replaced, and the link stays.
///
/// Throws `dvar::input_error` when `path` is no regular file (a directory, a device) or is write-protected,
/// or when the system refuses (full disk, no permission, no such directory); the message names `path` and the
/// reason. Nothing is left behind.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Replaces `path` by content that is produced piece by piece: `write` is called once with an open binary stream.
///
/// Throws `dvar::input_error` as above, also when the stream is in a failed state after `write`, and whatever
/// `write` throws; `path` is then untouched and nothing is left behind.
void write_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

/// Throws `dvar::input_error` as `write_atomically` would, as far as that can be known before: for a file that is written at the end
/// of a long work. Changes nothing.
void check_writable(const std::filesystem::path& path);

/// Removes the temporary files that killed processes have left in a folder. Those that a process is writing stay, as far as the
/// file system knows flock(2). Never throws for a file that cannot be removed.
void remove_unfinished_files(const std::filesystem::path& folder);

}  // namespace dvar::weights
