#include "text/added_tokens.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "text/unicode.hpp"

namespace dvar::text {
namespace {

/// Counts the bytes of the code points at the front that satisfy `accept`.
std::size_t bytes_at_front(std::u32string_view text, bool (*accept)(char32_t)) {
  std::string bytes;
  for (const auto code_point : text) {
    if (!accept(code_point)) break;
    append_utf8(bytes, code_point);
  }
  return bytes.size();
}

std::size_t spaces_at_front(std::string_view utf8) {
  return bytes_at_front(decode_utf8(utf8), is_space);
}

std::size_t spaces_at_back(std::string_view utf8) {
  auto text = decode_utf8(utf8);
  std::ranges::reverse(text);
  return bytes_at_front(text, is_space);
}

bool starts_with_word(std::string_view utf8) {
  const auto text = decode_utf8(utf8);
  return !text.empty() && is_word(text.front());
}

bool ends_with_word(std::string_view utf8) {
  const auto text = decode_utf8(utf8);
  return !text.empty() && is_word(text.back());
}

}  // namespace

void added_token_matcher::add(added_token token) {
  const auto longer = [](const added_token& a, const added_token& b) {
    return a.content.size() > b.content.size();
  };
  tokens_.insert(std::upper_bound(tokens_.begin(), tokens_.end(), token, longer), std::move(token));
}

void added_token_matcher::cut(std::string_view utf8, const std::function<void(std::string_view)>& text,
                              const std::function<void(std::int64_t)>& token) const {
  std::size_t done = 0;  // everything before is handed out
  for (std::size_t place = 0; place < utf8.size();) {
    const auto found = std::ranges::find_if(tokens_, [&](const added_token& candidate) {
      return utf8.substr(place).starts_with(candidate.content);
    });
    if (found == tokens_.end()) {
      ++place;
      continue;
    }
    const auto before = utf8.substr(0, place);
    place += found->content.size();
    const auto after = utf8.substr(place);
    if (found->single_word && (ends_with_word(before) || starts_with_word(after))) continue;
    auto start = before.size();
    if (found->lstrip) start -= spaces_at_back(before);
    if (start > done) text(utf8.substr(done, start - done));
    token(found->id);
    done = place + (found->rstrip ? spaces_at_front(after) : 0);
  }
  if (done < utf8.size()) text(utf8.substr(done));
}

}  // namespace dvar::text
