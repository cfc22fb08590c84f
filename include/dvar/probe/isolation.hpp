#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

namespace dvar {

/// What keeps an evaluation of the probe from disturbing the training: a function that returns a guard.
///
/// The guard puts the program into the state that the probe needs (evaluation mode, no gradients) and its
/// destructor puts everything back, also when the loss throws. Guards need be neither copyable nor movable.
/// With LibTorch:
///
///     struct torch_guard {
///         at::Generator global = at::detail::getDefaultCPUGenerator();
///         at::Tensor state = global.get_state();
///         at::NoGradGuard no_gradients;
///         ~torch_guard() { global.set_state(state); }
///     };
///     auto isolation = [] { return torch_guard{}; };
template <class I>
concept isolation = requires(I& enter) {
  { enter() } -> std::destructible;
};

/// For a loss that touches nothing but its arguments.
struct no_isolation {
  struct guard {};
  guard operator()() const noexcept { return {}; }
};

/// Keeps a random engine, or any other copyable object, as it was: `preserve(engine)`.
/// Holds a reference: the object must outlive it.
template <std::copyable Object>
class preserve {
 public:
  class guard {
   public:
    explicit guard(Object& object) : object_(object), saved_(object) {}
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { object_ = std::move(saved_); }

   private:
    Object& object_;
    Object saved_;
  };

  explicit preserve(Object& object) noexcept : object_(&object) {}

  guard operator()() const { return guard(*object_); }

 private:
  Object* object_;
};

/// Several isolations at once, entered in the order given and left in the reverse order.
template <isolation First, isolation... Rest>
class isolate {
 public:
  struct guard {
    std::invoke_result_t<First&> first;
    typename isolate<Rest...>::guard rest;
  };

  explicit isolate(First first, Rest... rest) : first_(std::move(first)), rest_(std::move(rest)...) {}

  guard operator()() { return {first_(), rest_()}; }

 private:
  First first_;
  isolate<Rest...> rest_;
};

template <isolation Only>
class isolate<Only> {
 public:
  using guard = std::invoke_result_t<Only&>;

  explicit isolate(Only only) : only_(std::move(only)) {}

  guard operator()() { return only_(); }

 private:
  Only only_;
};

}  // namespace dvar
