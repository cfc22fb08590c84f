#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <iterator>
#include <limits>
#include <optional>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <dvar/detail/bytes.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Reports a saved state that cannot be loaded: it is truncated, damaged, of another version, or of an object
/// with other settings.
class state_error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

inline constexpr std::uint32_t state_magic = 0x72617664;  // "dvar", lowest byte first
inline constexpr std::uint32_t state_format = 2;
inline constexpr std::size_t state_header_size = 4 + 4 + 8 + 8;

/// Names the unsigned integer that holds the bits of a float or a double.
template <class Real>
  requires(std::same_as<Real, float> || std::same_as<Real, double>)
using bits_of = std::conditional_t<std::same_as<Real, float>, std::uint32_t, std::uint64_t>;

/// Returns the bits of `value`, the same for every NaN: its sign and payload are the compiler's choice and
/// mean nothing here.
template <class Real>
constexpr bits_of<Real> stored_bits(Real value) {
  if (is_nan(static_cast<double>(value)))
    return std::bit_cast<bits_of<Real>>(std::numeric_limits<Real>::quiet_NaN());
  return std::bit_cast<bits_of<Real>>(value);
}

template <class>
inline constexpr bool is_optional = false;
template <class Value>
inline constexpr bool is_optional<std::optional<Value>> = true;

template <class>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

/// Returns a value of a configuration, for a message.
template <class Value>
std::string state_text(const Value& value) {
  if constexpr (std::is_enum_v<Value> && requires { enumerator_names(value); }) {
    const auto names = enumerator_names(value);
    const auto index = static_cast<std::size_t>(value);
    if (index < names.size()) return std::string(names[index]);
  }
  if constexpr (std::same_as<Value, bool>)
    return value ? "true" : "false";
  else if constexpr (std::integral<Value> || std::is_enum_v<Value>)
    return std::to_string(static_cast<std::uint64_t>(value));
  else if constexpr (std::floating_point<Value>)
    return shortest_text(value);
  else if constexpr (is_optional<Value>)
    return value ? state_text(*value) : "none";
  else
    return value;
}

}  // namespace detail

class state_writer;
class state_reader;

/// Says whether an archive reads: true for `state_reader`, false for `state_writer`. It is for the rare part
/// of a `state` function that belongs to one direction, such as what follows from the members that were read.
template <class Archive>
inline constexpr bool is_loading = std::remove_cvref_t<Archive>::loading;

/// Requires a type whose exact state can be saved and loaded. It has one function for both directions, which
/// shows the archive its members in their order:
///
///     static void state(auto& self, auto& archive) {
///       archive.section("every", 1);
///       archive.same(self.stride_, "every's stride");
///       archive(self.count_, self.member_);
///     }
///
/// `self` is const when a state is saved.
template <class T>
concept stateful = requires(T& object, const T& constant, state_writer& out, state_reader& in) {
  T::state(constant, out);
  T::state(object, in);
};

/// Collects the exact state of statistics, criteria, probes and monitors as bytes.
///
/// The archive is little-endian on every machine, so that a run saved on one continues on another:
/// "dvar", format version (4 bytes), size of the content (8), FNV-1a checksum of the content (8), content.
/// The content is a sequence of sections (a name and a version) and values. Numbers are stored by their bits,
/// every NaN as the same one.
class state_writer {
 public:
  /// This archive writes.
  static constexpr bool loading = false;

  /// Opens the part that belongs to one class.
  void section(std::string_view name, std::uint32_t version) { (*this)(name, version); }

  /// Writes the values, one after the other: a flag as one byte; whole numbers and enumerators as eight; floating-point
  /// numbers by their bits, single precision among them as double; an optional as a flag and its value or zero; text, and
  /// vectors of numbers, with their length; durations in seconds; whatever is `stateful` by its `state`.
  template <class... Values>
  void operator()(const Values&... values) {
    (write(values), ...);
  }

  /// Writes a value that is part of the configuration: a loaded object must have the same.
  template <class Value>
  void same(const Value& here, std::string_view /*what*/) {
    write(here);
  }

  /// Writes such a value of a class.
  template <class Value>
  void same(const Value& here, std::string_view /*owner*/, std::string_view /*what*/) {
    write(here);
  }

  /// Writes a number of observations that is kept as a real.
  void whole(double count) { write(count); }

  /// Returns the finished archive: header and content.
  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<std::byte> archive;
    archive.reserve(detail::state_header_size + content_.size());
    detail::append_little_endian(archive, detail::state_magic);
    detail::append_little_endian(archive, detail::state_format);
    detail::append_little_endian(archive, std::uint64_t{content_.size()});
    detail::append_little_endian(archive, detail::fnv1a(content_));
    archive.insert(archive.end(), content_.begin(), content_.end());
    return archive;
  }

 private:
  template <class Value>
  void write(const Value& value) {
    if constexpr (std::same_as<Value, bool>) {
      detail::append_little_endian(content_, static_cast<std::uint8_t>(value));
    } else if constexpr (std::integral<Value> || std::is_enum_v<Value>) {
      detail::append_little_endian(content_, static_cast<std::uint64_t>(value));
    } else if constexpr (std::floating_point<Value>) {
      detail::append_little_endian(content_, detail::stored_bits(static_cast<double>(value)));
    } else if constexpr (detail::is_optional<Value>) {
      write(value.has_value());
      write(value.value_or(typename Value::value_type{}));
    } else if constexpr (std::convertible_to<Value, std::string_view>) {
      const std::string_view text = value;
      write(text.size());
      const auto bytes = std::as_bytes(std::span(text));
      content_.insert(content_.end(), bytes.begin(), bytes.end());
    } else if constexpr (detail::is_duration<Value>) {
      write(std::chrono::duration<double>{value}.count());
    } else if constexpr (stateful<Value>) {
      Value::state(value, *this);
    } else {
      write(value.size());
      for (const auto& each : value)
        write_element(each);
    }
  }

  template <class Element>
  void write_element(const Element& element) {
    if constexpr (std::floating_point<Element>)
      detail::append_little_endian(content_, detail::stored_bits(element));
    else
      write(element);
  }

  std::vector<std::byte> content_;
};

/// Reads what `state_writer` wrote, in the same order. It does not own the bytes, which must outlive it.
class state_reader {
 public:
  /// This archive reads.
  static constexpr bool loading = true;

  /// Checks the header, the size and the checksum. Throws `state_error` before anything is read.
  explicit state_reader(std::span<const std::byte> archive) : content_(archive) {
    if (archive.size() < detail::state_header_size || take<std::uint32_t>() != detail::state_magic) {
      detail::fail<state_error>("saved state: these " + std::to_string(archive.size()) +
                                " bytes do not begin like a dvar state");
    }
    if (const auto format = take<std::uint32_t>(); format != detail::state_format) {
      detail::fail<state_error>("saved state: of format " + std::to_string(format) +
                                (format == 1 ? ", that of version 0.1.0" : "") +
                                "; this library reads format " + std::to_string(detail::state_format));
    }
    const auto size = take<std::uint64_t>();
    const auto checksum = take<std::uint64_t>();
    if (content_.size() != size) {
      detail::fail<state_error>("saved state: truncated or extended, " + std::to_string(size) +
                                " bytes were saved and " + std::to_string(content_.size()) + " are here");
    }
    if (detail::fnv1a(content_) != checksum)
      detail::fail<state_error>("saved state: damaged, the checksum differs");
  }

  /// Throws `state_error` unless the next part was written by `section(name, version)`.
  void section(std::string_view name, std::uint32_t version) {
    std::string found;
    std::uint64_t found_version = 0;
    (*this)(found, found_version);
    if (found != name || found_version != version) {
      detail::fail<state_error>("saved state: expected " + std::string(name) + " version " +
                                std::to_string(version) + ", found " + found + " version " +
                                std::to_string(found_version));
    }
  }

  /// Reads what `state_writer` wrote for values of the same types. A vector keeps its length. Throws
  /// `state_error` when another length was saved, or the bytes end.
  template <class... Values>
  void operator()(Values&... values) {
    (read(values), ...);
  }

  /// Throws `state_error` unless the next value equals `here`; `what` names it in the message.
  template <class Value>
  void same(const Value& here, std::string_view what) {
    same(here, {}, what);
  }

  /// Throws `state_error` unless the next value equals `here`; the message names the class and what it is of that.
  template <class Value>
  void same(const Value& here, std::string_view owner, std::string_view what) {
    Value saved{};
    read(saved);
    if (!(saved == here)) refuse(owner, what, detail::state_text(saved), detail::state_text(here));
  }

  /// Reads a number of observations that is kept as a real. Throws `state_error` unless it is whole, from 0 to 2^53.
  void whole(double& count) {
    read(count);
    if (!(detail::is_finite(count) && count >= 0.0 && count <= 0x1p53 && count == std::floor(count)))
      detail::fail<state_error>("saved state: " + shortest_text(count) + " is no number of observations");
  }

  /// Returns how many bytes are not read yet.
  [[nodiscard]] std::size_t remaining() const noexcept { return content_.size(); }

  /// Throws `state_error` when bytes are left over.
  void finish() const {
    if (!content_.empty())
      detail::fail<state_error>("saved state: " + std::to_string(content_.size()) + " bytes are left over");
  }

 private:
  [[noreturn]] static void refuse(std::string_view owner, std::string_view what, const std::string& saved,
                                  const std::string& here) {
    std::string message = "saved state: ";
    if (!owner.empty()) message.append(owner).append("'s ");
    message.append(what).append(" is ").append(saved).append(" in the saved state and ").append(here);
    detail::fail<state_error>(message.append(" here"));
  }

  std::span<const std::byte> take_bytes(std::uint64_t size) {
    if (size > content_.size()) {
      detail::fail<state_error>("saved state: truncated, " + std::to_string(size) + " bytes are needed and " +
                                std::to_string(content_.size()) + " are left");
    }
    const auto taken = content_.first(static_cast<std::size_t>(size));
    content_ = content_.subspan(taken.size());
    return taken;
  }

  template <class Value>
  void read(Value& value) {
    if constexpr (std::same_as<Value, bool>) {
      value = take<std::uint8_t>() != 0;
    } else if constexpr (std::integral<Value> || std::is_enum_v<Value>) {
      value = static_cast<Value>(take<std::uint64_t>());
    } else if constexpr (std::floating_point<Value>) {
      value = static_cast<Value>(std::bit_cast<double>(take<std::uint64_t>()));
    } else if constexpr (detail::is_optional<Value>) {
      bool present = false;
      typename Value::value_type content{};
      (*this)(present, content);
      value = present ? Value(content) : std::nullopt;
    } else if constexpr (std::same_as<Value, std::string>) {
      const auto bytes = take_bytes(take<std::uint64_t>());
      value.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } else if constexpr (detail::is_duration<Value>) {
      double seconds = 0.0;
      read(seconds);
      if (!(detail::is_finite(seconds) && std::abs(seconds) < 1e9))
        detail::fail<state_error>("saved state: " + shortest_text(seconds) + " s is no duration");
      const std::chrono::duration<double> saved{seconds};
      if constexpr (std::chrono::treat_as_floating_point_v<typename Value::rep>)
        value = std::chrono::duration_cast<Value>(saved);
      else
        value = std::chrono::round<Value>(saved);
    } else if constexpr (stateful<Value>) {
      Value::state(value, *this);
    } else {
      same(value.size(), "the number of values");
      for (auto& each : value)
        read_element(each);
    }
  }

  template <class Element>
  void read_element(Element& element) {
    if constexpr (std::floating_point<Element>)
      element = std::bit_cast<Element>(take<detail::bits_of<Element>>());
    else
      read(element);
  }

  template <std::unsigned_integral Bits>
  Bits take() {
    return detail::little_endian<Bits>(take_bytes(sizeof(Bits)));
  }

  std::span<const std::byte> content_;
};

/// Returns the state of `object` as bytes, ready for a checkpoint file.
template <stateful T>
std::vector<std::byte> save_state(const T& object) {
  state_writer out;
  out(object);
  return out.bytes();
}

/// Continues `object` from the bytes of `save_state`; it must have the settings of the object that was saved.
///
/// Throws `state_error` when the bytes are no such state. A damaged archive leaves every object as it was; an
/// archive of another class or configuration leaves copyable objects (statistics, criteria) as they were.
template <stateful T>
void load_state(T& object, std::span<const std::byte> archive) {
  state_reader in(archive);
  if constexpr (std::copyable<T>) {
    T next = object;
    in(next);
    in.finish();
    object = std::move(next);
  } else {
    in(object);
    in.finish();
  }
}

/// Writes the bytes of `save_state(object)` to a binary stream. The caller checks the stream.
template <stateful T>
void save_state(std::ostream& out, const T& object) {
  const auto archive = save_state(object);
  out.write(reinterpret_cast<const char*>(archive.data()), static_cast<std::streamsize>(archive.size()));
}

/// Reads a binary stream to its end and loads it, as the other overload does.
template <stateful T>
void load_state(std::istream& in, T& object) {
  const std::string archive{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  load_state(object, std::as_bytes(std::span(archive)));
}

}  // namespace dvar::inline v0_2
