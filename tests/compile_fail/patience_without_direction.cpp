// Which way is better is never implied.
#include <dvar/rules/patience.hpp>

int main() {
#ifdef DVAR_MISUSE
  const dvar::patience rule{{.patience = 5}};
#else
  const dvar::patience rule{dvar::direction::minimize, {.patience = 5}};
#endif
  return rule.latest().stop ? 1 : 0;
}
