#pragma once

#include <dvar/statistics/mean.hpp>
