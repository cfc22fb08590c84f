#pragma once

#include <ostream>
#include <span>

#include "suite.hpp"

namespace dvar::stress {

/// Writes a line of names and one for each tally. A rule's text stands in quotes where it has commas; a quartile that does
/// not exist is an empty field.
void write_csv(std::ostream& out, std::span<const tally> tallies);

}  // namespace dvar::stress
