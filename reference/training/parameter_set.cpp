#include "training/parameter_set.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace dvar::training {

parameter_set::parameter_set(const std::vector<initial_parameters>& initial,
                             const models::placement& placement) {
  std::int64_t size = 0;
  for (const initial_parameters& each : initial)
    for (const at::Tensor& tensor : each.tensors)
      size += tensor.numel();
  if (size == 0) throw std::invalid_argument("parameter_set: there is nothing to learn");
  values_ = torch::empty({size}, at::TensorOptions{}.dtype(placement.master()).device(placement.device));
  std::int64_t next = 0;
  for (const initial_parameters& each : initial) {
    if (find(each.name) != nullptr)
      throw std::invalid_argument(fmt::format("parameter_set: '{}' is there twice", each.name));
    member added{
        .name = each.name, .learning_rate = each.learning_rate, .values = {}, .leaves = {}, .first = next};
    for (const at::Tensor& tensor : each.tensors) {
      const at::Tensor place = values_.narrow(/*dim=*/0, next, tensor.numel()).view(tensor.sizes());
      place.copy_(tensor.detach());
      added.leaves.push_back(place.detach().set_requires_grad(true));
      next += tensor.numel();
    }
    added.values = added.leaves.size() == 1 ? added.leaves.front().detach()
                                            : values_.narrow(/*dim=*/0, added.first, next - added.first);
    members_.push_back(std::move(added));
  }
}

const parameter_set::member* parameter_set::find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &member::name);
  return found == members_.end() ? nullptr : &*found;
}

at::Tensor parameter_set::tensor_or(std::string_view name, const at::Tensor& initial,
                                    const models::placement& placement) const {
  const member* const found = find(name);
  return found != nullptr ? found->leaves.front() : initial.detach().to(placement.device, placement.master());
}

at::Tensor parameter_set::part_of(const at::Tensor& all, const member& member) {
  return all.narrow(/*dim=*/0, member.first, member.values.numel()).view(member.values.sizes());
}

std::vector<at::Tensor> parameter_set::tensors_of(const at::Tensor& all, const member& member) {
  std::vector<at::Tensor> tensors;
  std::int64_t next = member.first;
  for (const at::Tensor& leaf : member.leaves) {
    tensors.push_back(all.narrow(/*dim=*/0, next, leaf.numel()).view(leaf.sizes()));
    next += leaf.numel();
  }
  return tensors;
}

at::Tensor parameter_set::gradient_of(const at::Tensor& scalar) const {
  std::vector<at::Tensor> leaves;
  for (const member& each : members_)
    leaves.insert(leaves.end(), each.leaves.begin(), each.leaves.end());
  std::vector<at::Tensor> parts = torch::autograd::grad({scalar}, leaves);
  for (at::Tensor& part : parts)
    part = part.reshape(-1);
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

std::map<std::string, at::Tensor> parameter_set::state() const {
  std::map<std::string, at::Tensor> state;
  for (const member& each : members_)
    state[each.name] = each.values;
  return state;
}

void parameter_set::load_state(const std::map<std::string, at::Tensor>& state) {
  for (const member& each : members_) {
    const auto found = state.find(each.name);
    if (found == state.end() || found->second.sizes() != each.values.sizes())
      throw std::invalid_argument(
          fmt::format("what a run learns: '{}' is missing or has another shape", each.name));
  }
  for (const member& each : members_)
    at::Tensor{each.values}.copy_(state.at(each.name));
}

}  // namespace dvar::training
