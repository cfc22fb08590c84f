#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::text {

/// Describes a token that is found in the text as a whole, before words are split (Hugging Face `AddedToken`).
struct added_token {
  std::string content;
  std::int64_t id = 0;
  bool single_word = false;  ///< found only where no letter, digit or underscore touches it
  bool lstrip = false;       ///< takes white space to its left along
  bool rstrip = false;       ///< takes white space to its right along
  bool normalized = true;    ///< looked for in the normalized text, else in the text as given
  bool special = false;      ///< bos, eos and the like
};

/// Cuts a text at added tokens, leftmost first, the longest of those that start at one place.
class added_token_matcher {
 public:
  /// Adds a token, whose `content` must already be normalized where the text to be cut is.
  void add(added_token token);

  /// Calls `text(part)` for each part between tokens that is not empty and `token(id)` for each token, in order.
  void cut(std::string_view utf8, const std::function<void(std::string_view)>& text,
           const std::function<void(std::int64_t)>& token) const;

  [[nodiscard]] const std::vector<added_token>& tokens() const { return tokens_; }

 private:
  std::vector<added_token> tokens_;
};

}  // namespace dvar::text
