/// \file
/// Names files that are compiled into the program (embed.cmake).
#pragma once

#include <string_view>

namespace dvar::reporting::assets {

extern const std::string_view report_page;  ///< is report.html.in
extern const std::string_view chart_js;     ///< is the minified Chart.js of the build machine

}  // namespace dvar::reporting::assets
