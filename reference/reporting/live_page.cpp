#include "reporting/live_page.hpp"

#include "reporting/assets.hpp"
#include "reporting/page.hpp"

namespace dvar::reporting {

std::string render_live_page(std::chrono::milliseconds pause) {
  const std::string milliseconds = std::to_string(pause.count());
  return fill_page(assets::live_page, {{"PAUSE", milliseconds}});
}

}  // namespace dvar::reporting
