#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

namespace dvar {

/// What keeps an evaluation of the probe from disturbing the training: a function that returns a guard.
///
/// The guard puts the program into the state that the probe needs (evaluation mode, no gradients) and its
/// destructor puts everything back, also when the loss throws. Guards need be neither copyable nor movable.
///
/// One for each thing that an evaluation would touch, joined by `isolate`. With LibTorch:
///
///     at::Generator global = at::globalContext().defaultGenerator(at::kCPU);
///     dvar::isolate isolation{
///         dvar::restore{[=] { return global.get_state(); },                     // random numbers
///                       [=](const at::Tensor& state) mutable { global.set_state(state); }},
///         dvar::switched{[&] { return model->is_training(); },                  // dropout off
///                        [&](bool on) { model->train(on); }, false},
///         dvar::held<torch::NoGradGuard>{}};                                    // gradients
template <class I>
concept isolation = requires(I& enter) {
  { enter() } -> std::destructible;
};

/// For a loss that touches nothing but its arguments.
struct no_isolation {
  /// Leaves when it is destroyed.
  struct guard {};
  /// Enters; the guard leaves.
  guard operator()() const noexcept { return {}; }
};

/// Keeps a random engine, or any other copyable object, as it was: `preserve(engine)`.
/// Holds a reference: the object must outlive it.
template <std::copyable Object>
class preserve {
 public:
  /// Leaves when it is destroyed.
  class guard {
   public:
    /// Copies the object.
    explicit guard(Object& object) : object_(object), saved_(object) {}
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { object_ = std::move(saved_); }

   private:
    Object& object_;
    Object saved_;
  };

  /// Keeps a reference.
  explicit preserve(Object& object) noexcept : object_(&object) {}

  /// Enters; the guard leaves.
  guard operator()() const { return guard(*object_); }

 private:
  Object* object_;
};

/// Puts back what has no object of its own to copy, such as the state behind a generator's handle:
/// `restore{[=] { return g.get_state(); }, [=](const state& s) mutable { g.set_state(s); }}`.
///
/// `get` is called on entering and its result, kept until then, given to `set` on leaving. `set` must not throw.
template <std::invocable Get, class Set>
  requires std::invocable<Set&, const std::remove_cvref_t<std::invoke_result_t<Get&>>&>
class restore {
 public:
  /// Leaves when it is destroyed.
  class guard {
   public:
    /// Keeps what `get` returns.
    explicit guard(restore& owner) : owner_(owner), saved_(owner.get_()) {}
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { owner_.set_(std::as_const(saved_)); }

   private:
    restore& owner_;
    std::remove_cvref_t<std::invoke_result_t<Get&>> saved_;
  };

  /// Keeps both by value.
  restore(Get get, Set set) : get_(std::move(get)), set_(std::move(set)) {}

  /// Enters; the guard leaves.
  guard operator()() { return guard(*this); }

 private:
  Get get_;
  Set set_;
};

/// Gives a mode another value and puts the old one back, such as evaluation in place of training:
/// `switched{[&] { return model.is_training(); }, [&](bool on) { model.train(on); }, false}`.
template <std::invocable Get, class Set>
  requires std::invocable<Set&, const std::remove_cvref_t<std::invoke_result_t<Get&>>&>
class switched {
 public:
  /// What the mode is.
  using value_type = std::remove_cvref_t<std::invoke_result_t<Get&>>;

  /// Leaves when it is destroyed.
  class guard {
   public:
    /// Gives the mode the other value.
    explicit guard(switched& owner) : keep_(owner.keep_()) { owner.set_(std::as_const(owner.value_)); }

   private:
    typename restore<Get, Set>::guard keep_;
  };

  /// Keeps all by value.
  switched(Get get, Set set, value_type value)
      : keep_(std::move(get), set), set_(std::move(set)), value_(std::move(value)) {}

  /// Enters; the guard leaves.
  guard operator()() { return guard(*this); }

 private:
  restore<Get, Set> keep_;
  Set set_;
  value_type value_;
};

/// Holds a guard of another library, which its constructor enters: `held<torch::NoGradGuard>{}`.
template <std::default_initializable Guard>
struct held {
  /// Enters; the guard leaves.
  Guard operator()() const { return Guard(); }
};

/// Several isolations at once, entered in the order given and left in the reverse order.
template <isolation First, isolation... Rest>
class isolate {
 public:
  /// Leaves when it is destroyed.
  struct guard {
    /// Entered first, left last.
    std::invoke_result_t<First&> first;
    /// The guards of the others.
    typename isolate<Rest...>::guard rest;
  };

  /// Keeps the isolations by value.
  explicit isolate(First first, Rest... rest) : first_(std::move(first)), rest_(std::move(rest)...) {}

  /// Enters; the guard leaves.
  guard operator()() { return {first_(), rest_()}; }

 private:
  First first_;
  isolate<Rest...> rest_;
};

/// One isolation alone.
template <isolation Only>
class isolate<Only> {
 public:
  /// What entering it returns.
  using guard = std::invoke_result_t<Only&>;

  /// Keeps the isolations by value.
  explicit isolate(Only only) : only_(std::move(only)) {}

  /// Enters; the guard leaves.
  guard operator()() { return only_(); }

 private:
  Only only_;
};

}  // namespace dvar
