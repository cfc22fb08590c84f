#include <array>
#include <sstream>

#include <gtest/gtest.h>
#include <tally_csv.hpp>

namespace dvar::stress {
namespace {

TEST(tally_csv_test, has_a_line_for_each_and_quotes_around_commas) {
  const std::array tallies{tally{.kind = "line",
                                 .rule = "dvar:v2,every=\"3\"",
                                 .runs = 9,
                                 .stopped = 8,
                                 .false_stops = 7,
                                 .late_stops = 6,
                                 .missed = 5,
                                 .quartiles = {{1, 2, 3}}},
                           tally{.kind = "flat", .rule = "dvar:v2", .runs = 9}};
  std::ostringstream out;
  write_csv(out, tallies);
  EXPECT_EQ(out.str(),
            "kind,rule,runs,stopped,false_stops,late_stops,missed,stop_q1,stop_median,stop_q3\n"
            "line,\"dvar:v2,every=\"\"3\"\"\",9,8,7,6,5,1,2,3\n"
            "flat,dvar:v2,9,0,0,0,0,,,\n");
}

}  // namespace
}  // namespace dvar::stress
