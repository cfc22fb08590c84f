#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "data/image.hpp"
#include "made_up_run.hpp"
#include "reporting/report.hpp"
#include "reporting/sheet.hpp"

namespace dvar::reporting {
namespace {

/// Puts numbers that are not finite into every third record.
trace with_holes(const trace& whole) {
  trace records;
  for (const trace_record& record : whole) {
    records.append(record.step());
    for (const auto& [name, value] : record) {
      const bool hole = record.step() % 3 == 1 && (name == "loss" || name == "probe_loss");
      records.add(name, hole ? std::numeric_limits<double>::quiet_NaN() : value);
    }
  }
  return records;
}

void make(std::string_view kind, std::filesystem::path file) {
  report content;
  if (kind == "usual") content = made_up_run();
  if (kind == "long") content = made_up_run(20'000, /*stop=*/false);
  if (kind == "hostile") {
    content = made_up_run(400);
    const std::string attack =
        "</script><script>console.error('injected')</script><img src=x onerror=alert(1)> <!-- & \" '";
    content.title = attack;
    content.summary = attack;
    content.facts = {
        {attack, attack}, {std::string(300, 'w'), std::string(300, 'w')}, {"not UTF-8", "\xff\xfe"}};
    content.training.front().caption = attack;
    content.comparisons.front().after.caption = attack;
    content.configuration = attack;
    content.phases = {{attack, std::numeric_limits<double>::quiet_NaN()}};
    content.trace = with_holes(content.trace);
  }
  write_report(file, content);
  write_figure(file.replace_extension(".svg"), content);
  sheet_row row{.groups = {{}, {}, {}}};
  for (const picture& one : content.training)
    row.groups[0].push_back(one.image);
  for (const comparison& pair : content.comparisons) {
    row.groups[1].push_back(pair.before.image);
    row.groups[2].push_back(pair.after.image);
  }
  if (!row.groups[0].empty())
    data::write_png(file.replace_extension(".png"), comparison_sheet({row, row}, {.scale = 1}));
}

}  // namespace
}  // namespace dvar::reporting

/// Writes for make_report usual|long|hostile|empty FILE.html the page, and with the endings .svg and .png the
/// figure and the sheet.
int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: make_report usual|long|hostile|empty FILE.html\n", stderr);
    return EXIT_FAILURE;
  }
  dvar::reporting::make(argv[1], argv[2]);
}
