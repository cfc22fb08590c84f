#include "reporting/page.hpp"

#include "reporting/assets.hpp"

namespace dvar::reporting {

std::string fill_page(std::string_view page, std::map<std::string_view, std::string_view> values) {
  values.insert(
      {{"STYLE", assets::page_style}, {"CHART_JS", assets::chart_js}, {"CHARTS", assets::page_charts}});
  std::string filled;
  while (!page.empty()) {
    const std::size_t mark = page.find('@');
    filled += page.substr(0, mark);
    if (mark == std::string_view::npos) break;
    page.remove_prefix(mark);
    const std::size_t end = page.find('@', 1);
    const auto value = end == std::string_view::npos ? values.end() : values.find(page.substr(1, end - 1));
    if (value == values.end()) {
      filled += '@';
      page.remove_prefix(1);
    } else {
      filled += value->second;
      page.remove_prefix(end + 1);
    }
  }
  return filled;
}

}  // namespace dvar::reporting
