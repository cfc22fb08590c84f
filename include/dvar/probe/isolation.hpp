#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

namespace dvar::inline v0_2 {

/// Keeps an evaluation of the probe from disturbing the training: a function that returns a guard.
///
/// The guard puts the program into the state that the probe needs (evaluation mode, no gradients) and its
/// destructor puts everything back, also when the loss throws. Guards need be neither copyable nor movable.
///
/// There is one for each thing that an evaluation would touch, joined by `isolate`. With LibTorch:
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

/// Isolates a loss that touches nothing but its arguments, and so does nothing.
struct no_isolation {
  struct guard {};
  /// Returns a guard that does nothing.
  guard operator()() const noexcept { return {}; }
};

/// Keeps a random engine, or any other copyable object, as it was: `preserve(engine)`. It holds a reference:
/// the object must outlive it.
template <std::copyable Object>
class preserve {
 public:
  /// Puts the object back when it is destroyed.
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

  explicit preserve(Object& object) noexcept : object_(&object) {}

  /// Copies the object, and returns the guard that puts the copy back.
  guard operator()() const { return guard(*object_); }

 private:
  Object* object_;
};

/// Puts back what has no object of its own to copy, such as the state behind a generator's handle:
/// `restore{[=] { return g.get_state(); }, [=](const state& s) mutable { g.set_state(s); }}`.
///
/// `get` is called on entering, and `set` is given its result on leaving. `set` must not throw.
template <std::invocable Get, class Set>
  requires std::invocable<Set&, const std::remove_cvref_t<std::invoke_result_t<Get&>>&>
class restore {
 public:
  /// Gives the kept state to `set` when it is destroyed.
  class guard {
   public:
    explicit guard(restore& owner) : owner_(owner), saved_(owner.get_()) {}
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { owner_.set_(std::as_const(saved_)); }

   private:
    restore& owner_;
    std::remove_cvref_t<std::invoke_result_t<Get&>> saved_;
  };

  restore(Get get, Set set) : get_(std::move(get)), set_(std::move(set)) {}

  /// Calls `get`, and returns the guard that gives its result to `set`.
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
  /// Names the type of the mode's values.
  using value_type = std::remove_cvref_t<std::invoke_result_t<Get&>>;

  /// Gives the mode its old value back when it is destroyed.
  class guard {
   public:
    /// Gives the mode the other value.
    explicit guard(switched& owner) : keep_(owner.keep_()) { owner.set_(std::as_const(owner.value_)); }

   private:
    typename restore<Get, Set>::guard keep_;
  };

  switched(Get get, Set set, value_type value)
      : keep_(std::move(get), set), set_(std::move(set)), value_(std::move(value)) {}

  /// Gives the mode the other value, and returns the guard that gives the old one back.
  guard operator()() { return guard(*this); }

 private:
  restore<Get, Set> keep_;
  Set set_;
  value_type value_;
};

/// Holds a guard of another library, which its constructor enters: `held<torch::NoGradGuard>{}`.
template <std::default_initializable Guard>
struct held {
  /// Returns a new guard of that kind.
  Guard operator()() const { return Guard(); }
};

/// Joins several isolations, entered in the order given and left in the reverse order.
template <isolation First, isolation... Rest>
class isolate {
 public:
  /// Leaves all isolations when it is destroyed.
  struct guard {
    /// Guards the first, which is entered first and left last.
    std::invoke_result_t<First&> first;
    /// Guards the others.
    typename isolate<Rest...>::guard rest;
  };

  explicit isolate(First first, Rest... rest) : first_(std::move(first)), rest_(std::move(rest)...) {}

  /// Enters all isolations, and returns the guard that leaves them.
  guard operator()() { return {first_(), rest_()}; }

 private:
  First first_;
  isolate<Rest...> rest_;
};

/// Wraps one isolation alone.
template <isolation Only>
class isolate<Only> {
 public:
  /// Names the guard of the one isolation.
  using guard = std::invoke_result_t<Only&>;

  explicit isolate(Only only) : only_(std::move(only)) {}

  /// Enters the isolation, and returns its guard.
  guard operator()() { return only_(); }

 private:
  Only only_;
};

}  // namespace dvar::inline v0_2
