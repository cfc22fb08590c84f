#pragma once

#include <dvar/dvar.hpp>

dvar::variance_ratio make_rule();
