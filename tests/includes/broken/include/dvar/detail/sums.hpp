#pragma once

#include <dvar/criteria/rule.hpp>
