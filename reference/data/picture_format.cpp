#include "data/picture_format.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::data {
namespace {

/// Returns the format of an ISO media file by its brand; films have others.
picture_format format_of_brand(std::string_view brand) {
  constexpr std::array<std::string_view, 9> pictures{"heic", "heix", "hevc", "heim", "heis",
                                                     "mif1", "msf1", "avif", "avis"};
  return std::ranges::find(pictures, brand) != pictures.end() ? picture_format::heif : picture_format::none;
}

}  // namespace

std::string_view name_of(picture_format format) {
  switch (format) {
    case picture_format::jpeg:
      return "JPEG";
    case picture_format::png:
      return "PNG";
    case picture_format::webp:
      return "WebP";
    case picture_format::gif:
      return "GIF";
    case picture_format::tiff:
      return "TIFF";
    case picture_format::bmp:
      return "BMP";
    case picture_format::heif:
      return "HEIC or AVIF";
    case picture_format::jp2:
      return "JPEG 2000";
    case picture_format::jxl:
      return "JPEG XL";
    case picture_format::none:
      break;
  }
  return "none of a picture";
}

picture_format format_of(std::string_view bytes) {
  using namespace std::string_view_literals;
  const auto part = [&](std::size_t first, std::size_t count) {
    return bytes.substr(std::min(first, bytes.size()), count);
  };
  if (bytes.starts_with("\xff\xd8\xff")) return picture_format::jpeg;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return picture_format::png;
  if (bytes.starts_with("RIFF") && part(8, 4) == "WEBP") return picture_format::webp;
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) return picture_format::gif;
  if (bytes.starts_with("II*\0"sv) || bytes.starts_with("MM\0*"sv)) return picture_format::tiff;
  // Two letters would be a word's: the reserved bytes behind the size are 0 in every file.
  if (bytes.starts_with("BM") && part(6, 4) == "\0\0\0\0"sv) return picture_format::bmp;
  if (part(4, 4) == "ftyp") return format_of_brand(part(8, 4));
  if (bytes.starts_with("\0\0\0\x0cjP  \r\n\x87\n"sv) || bytes.starts_with("\xff\x4f\xff\x51"))
    return picture_format::jp2;
  if (bytes.starts_with("\0\0\0\x0cJXL \r\n\x87\n"sv) || bytes.starts_with("\xff\x0a"))
    return picture_format::jxl;
  return picture_format::none;
}

picture_format format_of(const std::filesystem::path& file) {
  std::ifstream stream{file, std::ios::binary};
  if (!stream) throw_system_error("cannot open the picture " + file.string(), errno);
  std::array<char, 16> head{};
  stream.read(head.data(), head.size());
  const std::string_view bytes{head.data(), static_cast<std::size_t>(stream.gcount())};
  if (bytes.empty())
    throw input_error{fmt::format("cannot read the picture {}: the file is empty", file.string())};
  return format_of(bytes);
}

bool is_picture_name(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 22> endings{
      ".jpg", ".jpeg", ".jpe",  ".jfif", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp",
      ".dib", ".heic", ".heif", ".avif", ".jp2", ".j2k",  ".jpf",  ".jxl", ".svg", ".ico",  ".psd"};
  std::string ending = file.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::ranges::find(endings, ending) != endings.end();
}

}  // namespace dvar::data
