#include "rule.hpp"

dvar::variance_ratio make_rule() {
  return dvar::variance_ratio{{.window = 20, .threshold = 0.15}};
}
