#include <span>
#include <vector>

#include <dvar/combinators/supplied.hpp>
#include <dvar/rules/movement.hpp>

#ifdef DVAR_MISUSE
const std::vector<int> embedding{1, 2};
#else
const std::vector<float> embedding{1, 2};
#endif

dvar::supplied rule{dvar::movement{{.dimension = 2}}, [] { return std::span(embedding); }};
