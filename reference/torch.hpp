/// Includes what every layer of the trainer uses, precompiled: formatting, JSON, and of LibTorch tensors, operators and autograd,
/// without torch::nn.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>
#include <torch/version.h>
