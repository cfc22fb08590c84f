/// \file
/// Names files that are compiled into the program (embed.cmake).
#pragma once

#include <string_view>

namespace dvar::reporting::assets {

extern const std::string_view report_page;  ///< is report.html.in
extern const std::string_view live_page;    ///< is live.html.in
extern const std::string_view page_style;   ///< is page.css
extern const std::string_view page_charts;  ///< is charts.js
extern const std::string_view chart_js;     ///< is the minified Chart.js of the build machine

}  // namespace dvar::reporting::assets
