#include "cli/samples/sample_prompts.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/text_lines.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"
#include "weights/messages.hpp"

namespace dvar::cli {
namespace {

/// Returns `<a>, <b>`.
std::string names_of(const opened_concepts& opened) {
  return fmt::format("{}", fmt::join(opened.prompts.tokens(), ", "));
}

/// Returns a prompt with the token, if there is one, where it has a hole. Errors begin with `option`.
std::string filled(const std::string& prompt, const opened_concepts& opened, std::string_view option) {
  const std::size_t count = opened.learned.size();
  if (count != 1 && text::has_hole(prompt)) {
    if (count == 0) {
      throw input_error(fmt::format(
          "{}: expected --embedding with it, which gives the token that goes where {{}} is", option));
    }
    throw input_error(
        fmt::format("{}: expected tokens by their names, {}, since there are {} --embedding, found {{}}",
                    option, names_of(opened), count));
  }
  const std::string whole = count == 1 ? text::fill(prompt, opened.prompts.token()) : prompt;
  opened.prompts.check(whole);
  return whole;
}

std::vector<std::string> wanted_of(const given_prompts& given, const opened_concepts& opened,
                                   std::string_view option) {
  std::vector<std::string> prompts{given.prompt};
  if (!given.prompts.empty())
    prompts = data::read_lines(given.prompts, {.all = "prompts", .one = "a prompt"});
  else if (given.prompt.empty() && opened.learned.empty())
    throw input_error("--prompt: expected a prompt, since no --embedding gives a token");
  else if (given.prompt.empty() && opened.learned.size() > 1)
    throw input_error(fmt::format("--prompt: expected a prompt with the tokens {}", names_of(opened)));
  else if (given.prompt.empty())
    prompts = {"a photo of a {}"};
  for (std::string& prompt : prompts)
    prompt = filled(prompt, opened, option);
  return prompts;
}

/// Throws `dvar::input_error` when a prompt has no token, or a token is in no prompt.
void check_tokens(const filled_prompts& prompts, const opened_concepts& opened, std::string_view option) {
  const std::vector<std::string>& tokens = opened.prompts.tokens();
  const auto has_any = [&](const std::string& prompt) {
    return std::ranges::any_of(
        tokens, [&](const std::string& token) { return opened.prompts.has_token(prompt, token); });
  };
  for (const std::string& prompt : prompts.wanted) {
    if (tokens.empty() || has_any(prompt) || has_any(prompts.negative)) continue;
    const std::string expected =
        tokens.size() == 1
            ? fmt::format("{{}} or the token {} of {}", tokens.front(), opened.files.front().string())
            : fmt::format("one of the tokens {}", names_of(opened));
    throw input_error(
        fmt::format("{}: expected {} in it, found {}", option, expected, weights::in_quotes(prompt)));
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto has_it = [&](const std::string& prompt) {
      return opened.prompts.has_token(prompt, tokens[i]);
    };
    if (std::ranges::any_of(prompts.wanted, has_it) || has_it(prompts.negative)) continue;
    throw input_error(fmt::format("--embedding {}: expected its token {} in a prompt, found it in none",
                                  opened.files[i].string(), tokens[i]));
  }
}

}  // namespace

filled_prompts fill_prompts(const given_prompts& given, const opened_concepts& opened) {
  const std::string_view option = given.prompts.empty() ? "--prompt" : "--prompts";
  filled_prompts prompts{.wanted = wanted_of(given, opened, option),
                         .negative = filled(given.negative_prompt, opened, "--negative-prompt")};
  check_tokens(prompts, opened, option);
  return prompts;
}

}  // namespace dvar::cli
