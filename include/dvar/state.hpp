#pragma once

#include <algorithm>
#include <bit>
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
#include <dvar/detail/number_text.hpp>

namespace dvar {

/// A saved state that cannot be loaded: truncated, damaged, of another version, or of a differently
/// configured object.
class state_error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

inline constexpr std::uint32_t state_magic = 0x72617664;  // "dvar", lowest byte first
inline constexpr std::uint32_t state_format = 1;
inline constexpr std::size_t state_header_size = 4 + 4 + 8 + 8;

/// The unsigned integer that holds a float's or a double's bits.
template <class Real>
  requires(std::same_as<Real, float> || std::same_as<Real, double>)
using bits_of = std::conditional_t<std::same_as<Real, float>, std::uint32_t, std::uint64_t>;

/// Those bits, the same for every NaN: its sign and payload are the compiler's choice and mean nothing here.
template <class Real>
constexpr bits_of<Real> stored_bits(Real value) {
  const bool is_nan = value != value;
  return std::bit_cast<bits_of<Real>>(is_nan ? std::numeric_limits<Real>::quiet_NaN() : value);
}

}  // namespace detail

/// Collects the exact state of statistics, criteria, probes and monitors as bytes.
///
/// The archive is little-endian on every machine, so that a run saved on one continues on another:
/// "dvar", format version (4 bytes), size of the content (8), FNV-1a checksum of the content (8), content.
/// The content is a sequence of sections (a name and a version) and values. Numbers are stored by their bits,
/// every NaN as the same one.
class state_writer {
 public:
  /// Opens the part that belongs to one class. `load` of that class asks for the same name and version.
  void section(std::string_view name, std::uint32_t version) {
    write_text(name);
    write_count(version);
  }

  /// One byte.
  void write_flag(bool value) { detail::append_little_endian(content_, static_cast<std::uint8_t>(value)); }
  /// Eight bytes.
  void write_count(std::uint64_t value) { detail::append_little_endian(content_, value); }
  /// The bits of a double.
  void write_real(double value) { detail::append_little_endian(content_, detail::stored_bits(value)); }

  /// A flag and the bits of a double.
  void write_optional(const std::optional<double>& value) {
    write_flag(value.has_value());
    write_real(value.value_or(0.0));
  }

  /// Any bytes, with their number.
  void write_text(std::string_view text) {
    write_count(text.size());
    const auto bytes = std::as_bytes(std::span(text));
    content_.insert(content_.end(), bytes.begin(), bytes.end());
  }

  /// An array of float or double, with its length.
  template <class Real>
  void write_reals(const std::vector<Real>& values) {
    write_count(values.size());
    for (const Real value : values)
      detail::append_little_endian(content_, detail::stored_bits(value));
  }

  /// The finished archive: header and content.
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
  std::vector<std::byte> content_;
};

/// Reads what `state_writer` wrote, in the same order. Does not own the bytes: they must outlive the reader.
class state_reader {
 public:
  /// Checks the header, the size and the checksum. Throws `state_error` before anything is read.
  explicit state_reader(std::span<const std::byte> archive) : content_(archive) {
    if (archive.size() < detail::state_header_size || take<std::uint32_t>() != detail::state_magic) {
      detail::fail<state_error>("saved state: these " + std::to_string(archive.size()) +
                                " bytes do not begin like a dvar state");
    }
    if (const auto format = take<std::uint32_t>(); format != detail::state_format) {
      detail::fail<state_error>("saved state: format " + std::to_string(format) +
                                ", this library reads format " + std::to_string(detail::state_format));
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
    const std::string found = read_text();
    const auto found_version = read_count();
    if (found != name || found_version != version) {
      detail::fail<state_error>("saved state: expected " + std::string(name) + " version " +
                                std::to_string(version) + ", found " + found + " version " +
                                std::to_string(found_version));
    }
  }

  /// What `write_flag` wrote.
  bool read_flag() { return take<std::uint8_t>() != 0; }
  /// What `write_count` wrote.
  std::uint64_t read_count() { return take<std::uint64_t>(); }
  /// What `write_real` wrote.
  double read_real() { return std::bit_cast<double>(take<std::uint64_t>()); }

  /// A number of observations that was written as a real: whole, from 0 to 2^53. Throws `state_error` for any other.
  double read_real_count() {
    const double count = read_real();
    if (!(count >= 0.0 && count <= 0x1p53 && count == std::floor(count))) {
      detail::fail<state_error>("saved state: " + detail::shortest_text(count) +
                                " is no number of observations");
    }
    return count;
  }

  /// What `write_optional` wrote.
  std::optional<double> read_optional() {
    const bool present = read_flag();
    const double value = read_real();
    return present ? std::optional(value) : std::nullopt;
  }

  /// What `write_text` wrote.
  std::string read_text() {
    const auto bytes = take_bytes(read_count());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// Fills `values`. Throws `state_error` when another number of values was saved.
  template <class Real>
  void read_reals(std::vector<Real>& values) {
    expect_count(values.size(), "the number of values");
    for (Real& value : values)
      value = std::bit_cast<Real>(take<detail::bits_of<Real>>());
  }

  /// Throws `state_error` unless the next count equals `here`; `what` names it in the message.
  void expect_count(std::uint64_t here, std::string_view what) {
    if (const auto saved = read_count(); saved != here)
      refuse(what, std::to_string(saved), std::to_string(here));
  }

  /// Throws `state_error` unless the next real equals `here`; `what` names it in the message.
  void expect_real(double here, std::string_view what) {
    if (const double saved = read_real(); saved != here)
      refuse(what, detail::shortest_text(saved), detail::shortest_text(here));
  }

  /// Bytes that are not read yet.
  [[nodiscard]] std::size_t remaining() const noexcept { return content_.size(); }

  /// Throws `state_error` when something is left over.
  void finish() const {
    if (!content_.empty())
      detail::fail<state_error>("saved state: " + std::to_string(content_.size()) + " bytes are left over");
  }

 private:
  [[noreturn]] static void refuse(std::string_view what, const std::string& saved, const std::string& here) {
    detail::fail<state_error>("saved state: " + std::string(what) + " is " + saved +
                              " in the saved state and " + here + " here");
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

  template <std::unsigned_integral Bits>
  Bits take() {
    return detail::little_endian<Bits>(take_bytes(sizeof(Bits)));
  }

  std::span<const std::byte> content_;
};

/// A type whose exact state can be saved and loaded.
template <class T>
concept stateful = requires(T& object, const T& constant, state_writer& out, state_reader& in) {
  constant.save(out);
  object.load(in);
};

/// The state of `object` as bytes, ready for a checkpoint file.
template <stateful T>
std::vector<std::byte> save_state(const T& object) {
  state_writer out;
  object.save(out);
  return out.bytes();
}

/// Continues `object`, which is configured like the saved one, from the bytes of `save_state`.
///
/// Throws `state_error`. A damaged archive leaves every object as it was; an archive of another class or
/// configuration leaves copyable objects (statistics, criteria) as they were.
template <stateful T>
void load_state(T& object, std::span<const std::byte> archive) {
  state_reader in(archive);
  if constexpr (std::copyable<T>) {
    T next = object;
    next.load(in);
    in.finish();
    object = std::move(next);
  } else {
    object.load(in);
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

}  // namespace dvar
