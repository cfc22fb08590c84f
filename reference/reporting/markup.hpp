/// \file
/// Prepares text for HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace dvar::reporting {

/// Returns the text with the five characters that markup gives a meaning (& < > " ') as entities. Control
/// characters that XML forbids become spaces.
inline std::string escape_markup(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return escaped;
}

}  // namespace dvar::reporting
