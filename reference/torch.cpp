// Carries the precompiled header that every layer of the trainer reuses.
#include "torch.hpp"
