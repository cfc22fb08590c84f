#include "weights/atomic_file.hpp"

#include <csignal>
#include <stdexcept>

#include <sys/resource.h>
#include <sys/stat.h>

#include "../files.hpp"

namespace {

namespace fs = std::filesystem;
using dvar::test::contents;
using dvar::test::message_of;
using dvar::test::new_directory;
using dvar::test::put;
using dvar::weights::check_writable;
using dvar::weights::remove_unfinished_files;
using dvar::weights::write_atomically;
using testing::HasSubstr;

std::ptrdiff_t files_in(const fs::path& directory) {
  return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

TEST(atomic_file_test, writes_and_replaces) {
  const auto path = new_directory() / "file";
  write_atomically(path, "first");
  EXPECT_EQ(contents(path), "first");
  write_atomically(path, std::string_view("se\0cond", 7));
  EXPECT_EQ(contents(path), std::string("se\0cond", 7));
  EXPECT_EQ(files_in(path.parent_path()), 1);
}

// A killed process leaves a file that nobody has locked; one that is being written has its lock.
TEST(atomic_file_test, removes_what_killed_processes_left_and_nothing_that_is_being_written) {
  const auto directory = new_directory();
  put(directory / ".dvar-1-0.tmp", "half of it");
  put(directory / ".dvar-notes", "ours, and no temporary file");
  put(directory / "a.tmp", "not ours");
  fs::create_directory(directory / ".dvar-2-0.tmp");
  write_atomically(directory / "file", [&](std::ostream& out) {
    EXPECT_EQ(files_in(directory), 5);
    remove_unfinished_files(directory);
    EXPECT_EQ(files_in(directory), 4);
    out << "whole";
  });
  EXPECT_EQ(contents(directory / "file"), "whole");
  EXPECT_EQ(files_in(directory), 4);
  EXPECT_TRUE(fs::exists(directory / ".dvar-notes"));
  EXPECT_TRUE(fs::exists(directory / "a.tmp"));
  remove_unfinished_files(directory / "nowhere");
}

TEST(atomic_file_test, writes_a_relative_path_without_directory) {
  const auto before = fs::current_path();
  fs::current_path(new_directory());
  write_atomically("file", "bytes");
  EXPECT_EQ(contents("file"), "bytes");
  fs::current_path(before);
}

TEST(atomic_file_test, streams_more_than_its_buffer_in_pieces_of_any_size) {
  const auto path = new_directory() / "file";
  std::string expected;
  write_atomically(path, [&](std::ostream& stream) {
    for (std::size_t size = 1; size < 300'000; size = size * 3 + 1) {
      const std::string piece(size, static_cast<char>('a' + size % 26));
      stream << piece;
      stream.put('|');
      expected += piece + '|';
    }
  });
  EXPECT_EQ(contents(path), expected);
}

TEST(atomic_file_test, keeps_the_permissions_of_the_file_that_it_replaces) {
  const auto path = new_directory() / "file";
  put(path, "old");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  write_atomically(path, "new");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(atomic_file_test, gives_a_new_file_the_permissions_that_the_umask_leaves) {
  const auto path = new_directory() / "file";
  const auto previous = ::umask(027);
  write_atomically(path, "new");
  ::umask(previous);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0640));
}

TEST(atomic_file_test, follows_a_symbolic_link) {
  const auto directory = new_directory();
  put(directory / "target", "old");
  fs::create_symlink("target", directory / "link");
  write_atomically(directory / "link", "new");
  EXPECT_TRUE(fs::is_symlink(directory / "link"));
  EXPECT_EQ(contents(directory / "target"), "new");
}

TEST(atomic_file_test, writes_under_the_longest_name) {
  const auto path = new_directory() / std::string(255, 'n');
  write_atomically(path, "bytes");
  EXPECT_EQ(contents(path), "bytes");
}

TEST(atomic_file_test, leaves_everything_as_it_was_when_the_writer_throws) {
  const auto path = new_directory() / "file";
  put(path, "old");
  EXPECT_THROW(write_atomically(path,
                                [](std::ostream& stream) {
                                  stream << "half";
                                  throw std::runtime_error("no more");
                                }),
               std::runtime_error);
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(files_in(path.parent_path()), 1);
}

TEST(atomic_file_test, refuses_content_whose_stream_failed) {
  const auto path = new_directory() / "file";
  const auto write = [](std::ostream& stream) { stream.setstate(std::ios::failbit); };
  EXPECT_THAT(message_of([&] { write_atomically(path, write); }), HasSubstr(path.string()));
  EXPECT_EQ(files_in(path.parent_path()), 0);
}

TEST(atomic_file_test, names_the_path_and_the_reason) {
  const auto directory = new_directory();
  EXPECT_EQ(message_of([&] { write_atomically(directory / "no" / "file", "bytes"); }),
            (directory / "no" / "file").string() + ": cannot be written: No such file or directory");
  EXPECT_EQ(message_of([&] { write_atomically(directory, "bytes"); }),
            directory.string() + ": cannot be written: Is a directory");
}

TEST(atomic_file_test, says_beforehand_what_cannot_be_written) {
  const auto directory = new_directory();
  EXPECT_EQ(message_of([&] { check_writable(directory / "no" / "file"); }),
            (directory / "no" / "file").string() + ": cannot be written: No such file or directory");
  EXPECT_EQ(message_of([&] { check_writable(directory); }),
            directory.string() + ": cannot be written: Is a directory");
  check_writable(directory / "file");
  EXPECT_EQ(files_in(directory), 0) << "nothing is changed";
}

TEST(atomic_file_test, does_not_put_a_file_in_the_place_of_a_device) {
  EXPECT_EQ(message_of([] { write_atomically("/dev/null", "bytes"); }), "/dev/null: is no regular file");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

// A file size limit stands for a full disk: the write fails in the middle.
TEST(atomic_file_test, leaves_everything_as_it_was_when_the_disk_is_full) {
  const auto path = new_directory() / "file";
  put(path, "old");
  rlimit previous{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &previous), 0);
  const rlimit small{.rlim_cur = 100'000, .rlim_max = previous.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto message = message_of([&] { write_atomically(path, std::string(200'000, 'x')); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &previous), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, path.string() + ": cannot be written: File too large");
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(files_in(path.parent_path()), 1);
}

}  // namespace
