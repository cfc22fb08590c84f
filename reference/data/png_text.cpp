#include "data/png_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "error.hpp"
#include "text/unicode.hpp"
#include "weights/messages.hpp"

namespace dvar::data {
namespace {

constexpr std::string_view signature{"\x89PNG\r\n\x1a\n", 8};
/// Are the signature and the first chunk, IHDR, whose size is fixed.
constexpr std::size_t header_size = 8 + 12 + 13;
constexpr std::uint32_t longest_text = 1'000'000;

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes += static_cast<char>(number >> shift & 0xFFU);
  return bytes;
}

std::uint32_t from_big_endian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char byte : bytes)
    number = number << 8U | static_cast<unsigned char>(byte);
  return number;
}

/// Holds the remainder of each byte by the polynomial of CRC-32, 0xEDB88320 with its least significant bit first.
constexpr std::array<std::uint32_t, 256> crc_remainders = [] {
  std::array<std::uint32_t, 256> remainders{};
  for (std::uint32_t byte = 0; byte < remainders.size(); ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = (remainder & 1U) != 0 ? 0xEDB88320U ^ (remainder >> 1U) : remainder >> 1U;
    remainders[byte] = remainder;
  }
  return remainders;
}();

/// Returns the CRC-32 of a chunk's type and data (PNG, third edition, 5.5).
std::uint32_t crc_of(std::string_view bytes) {
  std::uint32_t remainder = 0xFFFFFFFFU;
  for (const char byte : bytes)
    remainder = crc_remainders[(remainder ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (remainder >> 8U);
  return ~remainder;
}

/// Returns the text in Latin-1, or no value where it has other characters. What is a control character there is none to PNG.
std::optional<std::string> latin_1(std::string_view utf8) {
  std::string bytes;
  for (const char32_t point : text::decode_utf8(utf8)) {
    const bool is_latin =
        point == U'\n' || (point >= 0x20 && point <= 0x7E) || (point >= 0xA0 && point <= 0xFF);
    if (!is_latin) return std::nullopt;
    bytes += static_cast<char>(point);
  }
  return bytes;
}

std::string from_latin_1(std::string_view bytes) {
  std::string utf8;
  for (const char byte : bytes)
    text::append_utf8(utf8, static_cast<unsigned char>(byte));
  return utf8;
}

std::string chunk_of(const png_text& given) {
  const auto is_printable = [](char byte) { return byte >= 0x20 && byte <= 0x7E; };
  if (given.keyword.empty() || given.keyword.size() > 79 || !std::ranges::all_of(given.keyword, is_printable))
    throw std::invalid_argument{"with_texts: expected a keyword of 1 to 79 characters of ASCII"};
  if (given.text.find('\0') != std::string::npos)
    throw std::invalid_argument{"with_texts: expected a text without a byte 0"};
  const std::string keyword = given.keyword + '\0';
  const std::optional<std::string> latin = latin_1(given.text);
  // Between keyword and text, iTXt has: not compressed, no method of compression, no language, no translated keyword.
  const std::string body = latin ? "tEXt" + keyword + *latin
                                 : "iTXt" + keyword + std::string(4, '\0') + weights::valid_utf8(given.text);
  return big_endian(static_cast<std::uint32_t>(body.size() - 4)) + body + big_endian(crc_of(body));
}

/// Reads the chunks of a file one after the other.
class chunk_reader {
 public:
  explicit chunk_reader(const std::filesystem::path& file) : file_{file}, stream_{file, std::ios::binary} {
    if (!stream_) refuse("it cannot be opened");
    if (take(signature.size()) != signature) refuse("it is no PNG");
  }

  [[noreturn]] void refuse(std::string_view why) const {
    throw input_error{fmt::format("cannot read the texts of {}: {}", file_.string(), why)};
  }

  /// Returns the next text's chunk, its type first; empty at the end.
  std::string next() {
    for (;;) {
      const std::uint32_t length = from_big_endian(take(4));
      const std::string type = take(4);
      if (type == "IEND") return {};
      if (type != "tEXt" && type != "zTXt" && type != "iTXt") {
        stream_.seekg(std::int64_t{length} + 4, std::ios::cur);
        continue;
      }
      if (length > longest_text) refuse("it has a text that is too long");
      std::string chunk = type + take(length);
      if (from_big_endian(take(4)) != crc_of(chunk)) refuse("a checksum is wrong");
      return chunk;
    }
  }

 private:
  std::string take(std::size_t size) {
    std::string bytes(size, '\0');
    stream_.read(bytes.data(), static_cast<std::streamsize>(size));
    if (stream_.gcount() != static_cast<std::streamsize>(size)) refuse("it ends too early");
    return bytes;
  }

  std::filesystem::path file_;
  std::ifstream stream_;
};

/// Takes a field that ends in a byte 0 off the front.
std::string_view take_field(std::string_view& rest, const chunk_reader& reader) {
  const auto end = rest.find('\0');
  if (end == std::string_view::npos) reader.refuse("a text has no end of its keyword");
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return field;
}

png_text text_of(std::string_view chunk, const chunk_reader& reader) {
  const std::string_view type = chunk.substr(0, 4);
  std::string_view rest = chunk.substr(4);
  const std::string keyword = from_latin_1(take_field(rest, reader));
  if (type == "tEXt") return {keyword, from_latin_1(rest)};
  if (type == "zTXt" || (!rest.empty() && rest.front() != 0)) return {keyword, "(compressed)"};
  // Behind whether it is compressed, and how: the language, and the keyword in it.
  if (rest.size() < 2) reader.refuse("a text ends too early");
  rest.remove_prefix(2);
  static_cast<void>(take_field(rest, reader));
  static_cast<void>(take_field(rest, reader));
  return {keyword, weights::valid_utf8(rest)};
}

}  // namespace

std::string with_texts(std::string_view png, const std::vector<png_text>& texts) {
  if (png.size() < header_size || !png.starts_with(signature))
    throw std::invalid_argument{"with_texts: expected the bytes of a PNG file"};
  std::string result{png.substr(0, header_size)};
  for (const png_text& each : texts)
    result += chunk_of(each);
  return result.append(png.substr(header_size));
}

std::vector<png_text> read_png_texts(const std::filesystem::path& file) {
  chunk_reader reader{file};
  std::vector<png_text> texts;
  for (std::string chunk = reader.next(); !chunk.empty(); chunk = reader.next())
    texts.push_back(text_of(chunk, reader));
  return texts;
}

}  // namespace dvar::data
