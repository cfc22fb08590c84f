#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Says how a parameter that is trained from scratch starts; ignored when the parameter is read from a file.
struct initial_value {
  enum class distribution { constant, normal, uniform };
  distribution kind = distribution::constant;
  /// The constant, the standard deviation, or the bound of the symmetric interval.
  double scale = 0.0;

  static initial_value zeros() { return {distribution::constant, 0.0}; }
  static initial_value ones() { return {distribution::constant, 1.0}; }
  static initial_value normal(double deviation) { return {distribution::normal, deviation}; }
  /// Returns PyTorch's default for linear and convolution layers: uniform in ±1/sqrt(fan_in).
  static initial_value fan_in(std::int64_t fan_in);
};

/// Gives a network its parameters, from a file or a random generator. A network asks for each by the name and
/// shape that its published weights have, so construction is also the check of a file against its configuration.
class parameter_source {
 public:
  virtual ~parameter_source() = default;

  /// Returns whether the source can give `name`: networks whose published names changed ask before they
  /// choose one.
  virtual bool offers(const std::string& name) const = 0;

  /// Returns the parameter. Throws `dvar::input_error` when the source is a file that lacks it or has it in
  /// another shape.
  virtual at::Tensor parameter(const std::string& name, at::IntArrayRef shape, initial_value initial) = 0;

  /// Returns the parameter likewise, for `frozen_product` and `frozen_convolution` alone: it may be of another type than the other
  /// parameters, and memory that cannot be written to.
  virtual at::Tensor weight(const std::string& name, at::IntArrayRef shape, initial_value initial) {
    return parameter(name, shape, initial);
  }
};

/// Asks a parameter source below a prefix, so that a block need not know where in the network it stands.
class scope {
 public:
  explicit scope(parameter_source& source, std::string prefix = {})
      : source_{&source}, prefix_{std::move(prefix)} {}

  scope operator/(std::string_view child) const {
    return scope{*source_, prefix_ + std::string{child} + "."};
  }
  scope operator/(std::size_t index) const { return *this / std::to_string(index); }

  /// Returns the name of what stands here, such as `mid_block.resnets.0`.
  std::string name() const { return prefix_.substr(0, prefix_.size() - (prefix_.empty() ? 0 : 1)); }

  bool offers(std::string_view name) const { return source_->offers(prefix_ + std::string{name}); }
  at::Tensor operator()(std::string_view name, at::IntArrayRef shape, initial_value initial) const {
    return source_->parameter(prefix_ + std::string{name}, shape, initial);
  }
  at::Tensor weight(at::IntArrayRef shape, initial_value initial) const {
    return source_->weight(prefix_ + "weight", shape, initial);
  }

 private:
  parameter_source* source_;
  std::string prefix_;
};

/// Draws parameters from a seeded generator and keeps them by name, to be trained and written.
class random_parameters : public parameter_source {
 public:
  explicit random_parameters(std::uint64_t seed);

  bool offers(const std::string&) const override { return true; }
  at::Tensor parameter(const std::string& name, at::IntArrayRef shape, initial_value initial) override;

  const std::map<std::string, at::Tensor>& drawn() const { return drawn_; }

 private:
  at::Generator generator_;
  std::map<std::string, at::Tensor> drawn_;
};

}  // namespace dvar::models
