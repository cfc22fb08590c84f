#include "data/text_lines.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <glib.h>

#include "error.hpp"
#include "weights/read_file.hpp"

namespace dvar::data {
namespace {

/// Throws `dvar::input_error`, which begins with `where` and names the first byte that is wrong, when a text is no UTF-8 or has a
/// zero byte.
void require_utf8(std::string_view text, std::string_view where) {
  const gchar* end = nullptr;
  if (g_utf8_validate(text.data(), static_cast<gssize>(text.size()), &end) != FALSE) return;
  const auto good = static_cast<std::size_t>(end - text.data());
  const bool is_utf16 = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") || text[good] == '\0';
  throw input_error{fmt::format("{}: expected UTF-8, found the byte 0x{:02x} at {}{}", where,
                                static_cast<unsigned char>(text[good]), good,
                                is_utf16 ? ", as UTF-16 has it" : "")};
}

}  // namespace

std::vector<std::string> read_lines(const std::filesystem::path& file, const line_names& names) {
  const std::string where = fmt::format("the {} {}", names.all, file.string());
  constexpr std::uintmax_t largest = 1'000'000;
  std::error_code failure;
  if (const auto size = std::filesystem::file_size(file, failure); !failure && size > largest)
    throw input_error{fmt::format("{}: expected at most {} bytes, found {}", where, largest, size)};
  const std::string text = weights::read_file(file);
  require_utf8(text, where);
  std::string_view rest = text;
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf", line_ends = "\r\n", white = " \t\v\f";
  if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
  std::vector<std::string> lines;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find_first_of(line_ends));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t first = line.find_first_not_of(white);
    if (first == std::string_view::npos) continue;
    lines.emplace_back(line.substr(first, line.find_last_not_of(white) + 1 - first));
  }
  if (lines.empty())
    throw input_error{fmt::format("{}: expected a line with {}, found none", where, names.one)};
  return lines;
}

}  // namespace dvar::data
