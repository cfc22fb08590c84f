#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace dvar::weights {

/// Makes a name out of a file ready for a one-line message: in double quotes, JSON escapes for control
/// characters, U+FFFD for bytes that are not UTF-8, and cut after 120 bytes.
[[nodiscard]] std::string in_quotes(std::string_view name);

/// Returns a text out of a file ready for a terminal: as `in_quotes`, but not cut, and without quotes where it is plain.
[[nodiscard]] std::string printable(std::string_view text);

/// Returns a message as one line: with escapes for the control characters that names of files may bring into it.
[[nodiscard]] std::string in_one_line(std::string_view message);

/// Returns a text with U+FFFD in place of what is no UTF-8: names of files may be any bytes.
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// Says what is wrong with JSON, ready for a one-line message: line, column and reason, without the
/// exception's prefix and without the bytes that it quotes, which may be anything.
[[nodiscard]] std::string json_problem(const nlohmann::json::exception& error);

}  // namespace dvar::weights
