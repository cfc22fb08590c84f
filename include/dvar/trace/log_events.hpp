#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

#include <dvar/detail/fail.hpp>
#include <dvar/trace/crc32c.hpp>
#include <dvar/trace/log_columns.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_2::detail {

/// Returns the number that the first bytes are in little-endian order. Precondition: there are as many.
template <std::unsigned_integral Number>
Number little_endian(std::string_view bytes) {
  Number number = 0;
  for (std::size_t i = sizeof number; i-- > 0;)
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(bytes[i]));
  return number;
}

/// Holds a field of a protobuf message (https://protobuf.dev/programming-guides/encoding).
struct protobuf_field {
  std::uint64_t number = 0;
  std::uint64_t integer = 0;  ///< is the value of a varint, or the bits of one of 4 or 8 bytes
  std::string_view bytes;     ///< are those of a string or a message
  bool is_bytes = false;
};

/// Takes the fields of a protobuf message one after the other.
class protobuf_reader {
 public:
  protobuf_reader(std::string_view message, std::size_t record) : rest_(message), record_(record) {}

  std::optional<protobuf_field> next() {
    if (rest_.empty()) return std::nullopt;
    const std::uint64_t key = varint();
    protobuf_field field{.number = key >> 3, .integer = 0, .bytes = {}, .is_bytes = false};
    switch (key & 7U) {
      case 0:
        field.integer = varint();
        break;
      case 1:
        field.integer = little_endian<std::uint64_t>(take(8));
        break;
      case 2:
        field.is_bytes = true;
        field.bytes = take(varint());
        break;
      case 5:
        field.integer = little_endian<std::uint32_t>(take(4));
        break;
      default:
        refuse();
    }
    return field;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) return value;
    }
    refuse();
  }

  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) refuse();
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  [[noreturn]] void refuse() const {
    fail<trace_error>("trace: record " + std::to_string(record_) +
                      ": expected an event of TensorBoard, found other bytes");
  }

  std::string_view rest_;
  std::size_t record_;
};

/// Reads the scalars of a TensorBoard event file: TFRecords (tensorflow/core/lib/io/record_writer.h) of messages of the kind
/// `Event` (tensorflow/core/util/event.proto). PyTorch writes `simple_value`, TensorFlow 2 a tensor of one element.
class log_events {
 public:
  explicit log_events(log_columns& columns) : columns_(columns) {}

  /// Reads to the end. A last record that is cut off is an interrupted write, and left out. Throws `trace_error` for a record
  /// whose bytes are not what was written.
  void read(std::istream& in) {
    columns_.counts_by(0);
    columns_.take_any_order();
    std::string head(12, '\0');
    std::string body;
    for (std::size_t record = 1; in.read(head.data(), 12); ++record) {
      const std::string_view length_bytes = std::string_view(head).substr(0, 8);
      if (masked_crc32c(length_bytes) != little_endian<std::uint32_t>(std::string_view(head).substr(8)))
        refuse(record);
      if (!take(in, body, little_endian<std::uint64_t>(length_bytes))) return;
      char check[4];
      if (!in.read(check, 4)) return;
      if (masked_crc32c(body) != little_endian<std::uint32_t>({check, 4})) refuse(record);
      event(body, record);
    }
  }

 private:
  [[noreturn]] static void refuse(std::size_t record) {
    fail<trace_error>("trace: record " + std::to_string(record) + " is damaged: its checksum is another");
  }

  /// Takes bytes in parts, so that a length that is a lie asks for no memory.
  static bool take(std::istream& in, std::string& bytes, std::uint64_t size) {
    constexpr std::uint64_t part = 1U << 16U;
    bytes.clear();
    while (bytes.size() < size) {
      const std::size_t before = bytes.size();
      const std::uint64_t more = std::min<std::uint64_t>(part, size - before);
      bytes.resize(before + static_cast<std::size_t>(more));
      if (!in.read(bytes.data() + before, static_cast<std::streamsize>(more))) return false;
    }
    return true;
  }

  void event(std::string_view message, std::size_t record) {
    std::uint64_t step = 0;
    std::string_view summary;
    std::string_view session;
    for (protobuf_reader in(message, record); const auto field = in.next();) {
      if (field->number == 2) step = field->integer;
      if (field->number == 5) summary = field->bytes;
      if (field->number == 7) session = field->bytes;
    }
    if (step >> 63U != 0) return;  // a negative step is none of a training
    for (protobuf_reader in(session, record); const auto field = in.next();)
      if (field->number == 1 && field->integer == 1) columns_.forget_from(static_cast<std::size_t>(step));
    for (protobuf_reader in(summary, record); const auto field = in.next();)
      if (field->number == 1) value(field->bytes, static_cast<std::size_t>(step), record);
  }

  void value(std::string_view message, std::size_t step, std::size_t record) {
    std::string_view tag;
    std::optional<double> number;
    for (protobuf_reader in(message, record); const auto field = in.next();) {
      if (field->number == 1) tag = field->bytes;
      if (field->number == 2) number = float_of(field->integer);
      if (field->number == 8) number = scalar_of(field->bytes, record);
    }
    if (!number) return;
    columns_.at(step);
    columns_.add(tag, *number, record);
  }

  static double float_of(std::uint64_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  }

  /// Returns the number of a tensor (tensorflow/core/framework/tensor.proto) that has one float or double.
  static std::optional<double> scalar_of(std::string_view message, std::size_t record) {
    std::uint64_t type = 0;
    std::string_view content;
    std::optional<double> number;
    for (protobuf_reader in(message, record); const auto field = in.next();) {
      if (field->number == 1) type = field->integer;
      if (field->number == 4) content = field->bytes;
      if (field->number == 5 && !field->is_bytes) number = float_of(field->integer);
      if (field->number == 5 && field->is_bytes) content = field->bytes;
      if (field->number == 6 && !field->is_bytes) number = std::bit_cast<double>(field->integer);
      if (field->number == 6 && field->is_bytes) content = field->bytes;
    }
    constexpr std::uint64_t of_floats = 1;
    constexpr std::uint64_t of_doubles = 2;
    if (type == of_floats && content.size() == 4) return float_of(little_endian<std::uint32_t>(content));
    if (type == of_doubles && content.size() == 8)
      return std::bit_cast<double>(little_endian<std::uint64_t>(content));
    return type == of_floats || type == of_doubles ? number : std::nullopt;
  }

  log_columns& columns_;
};

}  // namespace dvar::inline v0_2::detail
