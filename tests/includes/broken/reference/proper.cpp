#include <dvar/criteria/rule.hpp>
