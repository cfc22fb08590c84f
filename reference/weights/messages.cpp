#include "weights/messages.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace dvar::weights {
namespace {

/// Returns a text as JSON has it, with escapes also for the control characters that JSON leaves as they are: DEL, and
/// U+0080 to U+009F.
std::string json_of(std::string_view text) {
  const std::string json =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string escaped;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const auto next = static_cast<unsigned char>(i + 1 < json.size() ? json[i + 1] : 0);
    if (byte == 0x7f) {
      escaped += "\\u007f";
    } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
      escaped += fmt::format("\\u{:04x}", next);
      ++i;
    } else {
      escaped += json[i];
    }
  }
  return escaped;
}

}  // namespace

std::string in_quotes(std::string_view name) {
  constexpr std::size_t longest = 120;
  auto text = std::string(name.substr(0, longest));
  if (name.size() > longest) text += "...";
  return json_of(text);
}

std::string printable(std::string_view text) {
  std::string quoted = json_of(text);
  return quoted.size() == text.size() + 2 ? std::string(text) : quoted;
}

std::string in_one_line(std::string_view message) {
  std::string line;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      line += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      line += fmt::format("\\x{:02x}", byte);
    else
      line += c;
  }
  return line;
}

std::string valid_utf8(std::string_view text) {
  return nlohmann::json::parse(json_of(text)).get<std::string>();
}

std::string json_problem(const nlohmann::json::exception& error) {
  std::string_view text = error.what();
  text.remove_prefix(std::min(text.find("] ") + 2, text.size()));
  text = text.substr(0, text.find("; last read: "));
  constexpr std::size_t longest = 200;  // it quotes numbers in full
  std::string shown{text.substr(0, longest)};
  if (text.size() > longest) shown += "...";
  return shown;
}

}  // namespace dvar::weights
