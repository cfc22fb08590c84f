#include "weights/messages.hpp"

#include <algorithm>

namespace dvar::weights {

std::string in_quotes(std::string_view name) {
  constexpr std::size_t longest = 120;
  auto text = std::string(name.substr(0, longest));
  if (name.size() > longest) text += "...";
  return nlohmann::json(std::move(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
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
