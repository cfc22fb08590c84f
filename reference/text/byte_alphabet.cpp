#include "text/byte_alphabet.hpp"

#include <cstddef>
#include <unordered_map>

#include "text/unicode.hpp"

namespace dvar::text {
namespace {

/// Returns whether a byte is Latin-1 but no control character, space, no-break space or soft hyphen.
constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

constexpr std::array<char32_t, 256> make_alphabet() {
  std::array<char32_t, 256> alphabet{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte)
    alphabet[byte] = is_printable(byte) ? byte : next++;
  return alphabet;
}

constexpr auto alphabet = make_alphabet();

}  // namespace

const std::array<std::string, 256>& byte_symbols() {
  static const auto symbols = [] {
    std::array<std::string, 256> result;
    for (std::size_t byte = 0; byte < 256; ++byte)
      append_utf8(result[byte], alphabet[byte]);
    return result;
  }();
  return symbols;
}

const std::array<unsigned char, 256>& vocabulary_byte_order() {
  static constexpr auto order = [] {
    std::array<unsigned char, 256> result{};
    std::size_t next = 0;
    for (const bool printable : {true, false}) {
      for (unsigned byte = 0; byte < 256; ++byte)
        if (is_printable(byte) == printable) result[next++] = static_cast<unsigned char>(byte);
    }
    return result;
  }();
  return order;
}

std::optional<unsigned char> byte_of(char32_t symbol) {
  static const auto bytes = [] {
    std::unordered_map<char32_t, unsigned char> result;
    for (unsigned byte = 0; byte < 256; ++byte)
      result.emplace(alphabet[byte], static_cast<unsigned char>(byte));
    return result;
  }();
  const auto found = bytes.find(symbol);
  return found == bytes.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace dvar::text
