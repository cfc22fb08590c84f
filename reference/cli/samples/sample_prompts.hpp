#pragma once

#include <string>
#include <vector>

#include "cli/samples/opened_concepts.hpp"

namespace dvar::cli {

/// Says what pictures are to show and what they are to be unlike, as it is given.
struct given_prompts {
  std::string prompt;             ///< empty for the default, 'a photo of a {}'
  std::filesystem::path prompts;  ///< a file with prompts in place of it; empty for none
  std::string negative_prompt;    ///< empty for none
};

/// Holds the same, with tokens wherever there was `{}`.
struct filled_prompts {
  std::vector<std::string> wanted;
  std::string negative;
};

/// Returns prompts with the token of an embedding in place of `{}`. Throws `dvar::input_error`, which names the option, when `{}`
/// is there and no embedding or several are, a prompt would not be read as it is meant, or has no token, be it in the negative
/// prompt, or an embedding's token is in none.
filled_prompts fill_prompts(const given_prompts& given, const opened_concepts& opened);

}  // namespace dvar::cli
