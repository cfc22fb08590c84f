/// \file
/// Fills pages that are complete in themselves.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace dvar::reporting {

/// Returns the page with `@NAME@` replaced by the value of that name; `@STYLE@`, `@CHART_JS@` and `@CHARTS@` are what all pages share. Nothing that
/// was filled in is looked at again.
std::string fill_page(std::string_view page, std::map<std::string_view, std::string_view> values);

}  // namespace dvar::reporting
