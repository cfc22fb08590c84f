#include "data/captions.hpp"

#include <system_error>

#include <fmt/format.h>

#include "data/text_lines.hpp"
#include "error.hpp"

namespace dvar::data {

std::filesystem::path caption_file_of(const std::filesystem::path& picture) {
  return std::filesystem::path{picture}.replace_extension(".txt");
}

std::vector<std::string> read_captions(const std::filesystem::path& picture) {
  const std::filesystem::path file = caption_file_of(picture);
  std::error_code failure;
  if (!std::filesystem::exists(file, failure)) {
    throw input_error{fmt::format("the picture {}: expected its captions in {}, found no such file",
                                  picture.string(), file.string())};
  }
  return read_lines(file, {.all = "captions", .one = "a caption"});
}

}  // namespace dvar::data
