#pragma once

#include <dvar/detail/sums.hpp>
#include <dvar/text/number.hpp>
