#include "tally_csv.hpp"

#include <string>

namespace dvar::stress {

namespace {

std::string field_of(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char each : text)
    quoted.append(each == '"' ? 2 : 1, each);
  return quoted + '"';
}

}  // namespace

void write_csv(std::ostream& out, std::span<const tally> tallies) {
  out << "kind,rule,runs,stopped,false_stops,late_stops,missed,stop_q1,stop_median,stop_q3\n";
  for (const tally& each : tallies) {
    out << each.kind << ',' << field_of(each.rule) << ',' << each.runs << ',' << each.stopped << ','
        << each.false_stops << ',' << each.late_stops << ',' << each.missed;
    for (std::size_t i = 0; i < 3; ++i) {
      out << ',';
      if (each.quartiles) out << (*each.quartiles)[i];
    }
    out << '\n';
  }
}

}  // namespace dvar::stress
