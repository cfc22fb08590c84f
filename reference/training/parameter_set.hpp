#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/placement.hpp"

namespace dvar::training {

/// Holds what a member of a `parameter_set` begins as.
struct initial_parameters {
  std::string name;
  double learning_rate = 0.0;  ///< at its highest
  std::vector<at::Tensor> tensors;
};

/// Holds everything that a run learns: members, each of tensors that share a name and a learning rate, such as a token's vectors
/// or the factors of a LoRA. All numbers lie one after the other in memory, so that a gradient, an update or a sum over ranks
/// is one operation on them, however many tensors there are.
class parameter_set {
 public:
  struct member {
    std::string name;
    double learning_rate;
    /// The member's numbers: of the shape of its tensor if it has one alone, else flat.
    at::Tensor values;
    /// The tensors that networks refer to, in the order in which they were given. They want gradients, and show what is done to
    /// `values`.
    std::vector<at::Tensor> leaves;
    std::int64_t first;  ///< where the member begins in `values()` of the set
  };

  /// Copies what the members begin as, to the placement's device and `master()` type. Throws `std::invalid_argument` when two
  /// have one name, or there is nothing to learn.
  parameter_set(const std::vector<initial_parameters>& initial, const models::placement& placement);

  /// Returns all numbers, [size], as they are: what is written there is learned.
  const at::Tensor& values() const { return values_; }
  std::int64_t size() const { return values_.numel(); }
  const std::vector<member>& members() const { return members_; }
  /// Returns the member of a name, or null where there is none.
  const member* find(std::string_view name) const;

  /// Returns the tensor of a member that has one alone, or where there is no such member what it would begin as.
  at::Tensor tensor_or(std::string_view name, const at::Tensor& initial,
                       const models::placement& placement) const;

  /// Returns the member's part of numbers [size] for all, as a view of the shape of its `values`.
  static at::Tensor part_of(const at::Tensor& all, const member& member);

  /// Returns the member's tensors among numbers [size] for all, as views of the shapes of its `leaves`.
  static std::vector<at::Tensor> tensors_of(const at::Tensor& all, const member& member);

  /// Returns the gradient of a scalar that depends on all of them, [size], of their type.
  at::Tensor gradient_of(const at::Tensor& scalar) const;

  /// Returns the members' numbers by their names; what `load_state` takes back bit for bit.
  std::map<std::string, at::Tensor> state() const;
  /// Throws `std::invalid_argument` when a member is missing or has another shape, and names it.
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  at::Tensor values_;
  std::vector<member> members_;
};

}  // namespace dvar::training
