// A vector among rules is one of rules.
#include <vector>

#include <dvar/combinators/all_of.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/rules/step_limit.hpp>

#ifdef DVAR_MISUSE
dvar::all_of rule{std::vector<int>{310}};
#else
dvar::all_of rule{std::vector<dvar::any_criterion>{dvar::step_limit{310}}};
#endif
