#include "weights/in_quotes.hpp"

#include <nlohmann/json.hpp>

namespace dvar::weights {

std::string in_quotes(std::string_view name) {
  constexpr std::size_t longest = 120;
  auto text = std::string(name.substr(0, longest));
  if (name.size() > longest) text += "...";
  return nlohmann::json(std::move(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace dvar::weights
