/// \file
/// Looks through a folder of pictures: what it holds is used, or said not to be.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dvar::data {

/// Names a file of a folder that nothing is made of, and why.
struct unused_file {
  std::string name;
  std::string reason;
};

/// Holds what is in a folder of pictures.
struct picture_folder {
  std::vector<std::filesystem::path> pictures;  ///< in the order of their names' bytes, at least one
  std::vector<unused_file> unused;              ///< likewise
};

/// Says what is read beside the pictures.
struct companions {
  bool captions = false;  ///< `cat.txt`
  bool masks = false;     ///< `cat.mask.png`
};

/// Looks through a folder. A picture is what begins as one of the formats that can be told apart, or is called so; masks
/// beside the pictures and hidden files are none. Throws `dvar::input_error` when the folder is missing, no folder, the
/// folder of a run, or holds no picture: the message says what it does hold.
picture_folder look_through(const std::filesystem::path& folder, const companions& read = {});

/// Returns the pictures of a folder. Throws `dvar::input_error` when `look_through` does.
std::vector<std::filesystem::path> list_pictures(const std::filesystem::path& folder);

/// Returns `1 picture` or `4 pictures`.
std::string count_of_pictures(std::int64_t count);

/// Returns one line about files that nothing is made of: `Not used of photos: "a.mov" (no picture), …`; empty where there
/// is none.
std::string description_of(const std::vector<unused_file>& unused, const std::filesystem::path& folder);

}  // namespace dvar::data
