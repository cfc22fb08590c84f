#include "weights/foreign_format.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::weights {
namespace {

using namespace std::string_view_literals;

/// Describes content by its first bytes.
struct foreign_format {
  std::string_view beginning;
  std::string_view what;
  std::string_view advice;
};

constexpr std::string_view download = "download the file itself";
constexpr std::array formats{
    foreign_format{"version https://git-lfs"sv, "a pointer of Git LFS to the file",
                   "git lfs pull fetches it"},
    foreign_format{"<!doctype html"sv, "an HTML page", download},
    foreign_format{"<html"sv, "an HTML page", download},
    foreign_format{"<?xml"sv, "an XML document, as servers answer with errors", download},
    foreign_format{"\x1f\x8b"sv, "a gzip archive", "unpack it first"},
    foreign_format{"PK\x03\x04"sv, "a zip archive", "unpack it first"},
    foreign_format{"GGUF"sv, "a GGUF file", "use the model's safetensors"},
    foreign_format{"\x89HDF\r\n"sv, "an HDF5 file, as Keras writes one", "use the model's safetensors"},
};

/// Returns whether content begins as a pickle of protocol 2 to 5. So may the length of a safetensors header, which is no longer
/// than its file.
bool is_pickle(std::string_view content) {
  std::uint64_t length = 0;
  if (content.size() < sizeof length || content[0] != '\x80' || content[1] < 2 || content[1] > 5)
    return false;
  std::memcpy(&length, content.data(), sizeof length);
  return length > content.size();
}

}  // namespace

void refuse_foreign_format(std::string_view content, const std::filesystem::path& path,
                           std::string_view expected) {
  const auto refuse = [&](std::string_view found, std::string_view advice) {
    throw input_error(fmt::format("{}: expected {}, found {}; {}", path.string(), expected, found, advice));
  };
  if (is_pickle(content)) {
    refuse("a Python pickle that is not one of torch.save",
           "none is ever executed here; write its tensors with safetensors.torch.save_file");
  }
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b || a == b; };
  const std::string_view text =
      content.substr(std::min(content.find_first_not_of(" \t\r\n"), content.size()));
  for (const auto& [beginning, what, advice] : formats) {
    const bool is_this =
        text.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), text.begin(),
                                                      [&](char b, char a) { return same(a, b); });
    if (is_this) refuse(what, advice);
  }
}

}  // namespace dvar::weights
