/// The part of LibTorch that the trainer uses, precompiled: tensors, operators and autograd, without torch::nn.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>
#include <torch/version.h>
