#include "reporting/event_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <concepts>

#include <fmt/format.h>
#include <unistd.h>

#include <dvar/trace/crc32c.hpp>

#include "data/image.hpp"
#include "error.hpp"

namespace dvar::reporting {
namespace {

constexpr std::string_view file_prefix = "events.out.tfevents.";

/// Numbers the fields of TensorFlow's messages.
namespace event_field {
constexpr std::uint32_t wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace session_log_field {
constexpr std::uint32_t status = 1;
constexpr std::uint64_t start = 1;  // of the enumeration SessionStatus
}  // namespace session_log_field
namespace summary_field {
constexpr std::uint32_t value = 1;
}
namespace value_field {
constexpr std::uint32_t tag = 1, simple_value = 2, image = 4;
}
namespace image_field {
constexpr std::uint32_t height = 1, width = 2, color_space = 3, encoded = 4;
}

/// Appends a number in little-endian order, as both protobuf and TFRecord have theirs.
template <std::unsigned_integral Number>
void append_number(std::string& bytes, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i)
    bytes.push_back(static_cast<char>((number >> (8 * i)) & 0xFFU));
}

/// Writes the few kinds of fields of a protobuf message that events need
/// (https://protobuf.dev/programming-guides/encoding).
class message {
 public:
  void add_integer(std::uint32_t field, std::uint64_t value) {
    append_varint(field << 3 | 0U);
    append_varint(value);
  }
  void add_double(std::uint32_t field, double value) {
    append_varint(field << 3 | 1U);
    append_number(bytes_, std::bit_cast<std::uint64_t>(value));
  }
  void add_float(std::uint32_t field, float value) {
    append_varint(field << 3 | 5U);
    append_number(bytes_, std::bit_cast<std::uint32_t>(value));
  }
  void add_bytes(std::uint32_t field, std::string_view bytes) {
    append_varint(field << 3 | 2U);
    append_varint(bytes.size());
    bytes_.append(bytes);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void append_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      bytes_.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
    bytes_.push_back(static_cast<char>(value));
  }

  std::string bytes_;
};

double seconds_since_epoch() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

message event_at(std::int64_t step) {
  message event;
  event.add_double(event_field::wall_time, seconds_since_epoch());
  event.add_integer(event_field::step, static_cast<std::uint64_t>(step));
  return event;
}

message event_with(std::int64_t step, std::uint32_t field, const message& content) {
  message event = event_at(step);
  event.add_bytes(field, content.bytes());
  return event;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

/// Returns the seconds in a file's name, which TensorBoard reads in the order of their text.
std::uint64_t seconds_of(const std::filesystem::path& file) {
  const std::string name = file.filename().string().substr(file_prefix.size());
  std::uint64_t seconds = 0;
  std::from_chars(name.data(), name.data() + name.size(), seconds);
  return seconds;
}

std::filesystem::path next_path(const std::filesystem::path& folder) {
  auto seconds = static_cast<std::uint64_t>(seconds_since_epoch());
  for (const std::filesystem::path& earlier : event_file::files_in(folder))
    seconds = std::max(seconds, seconds_of(earlier) + 1);
  return folder / fmt::format("{}{:010}.{}.{}", file_prefix, seconds, host_name(), ::getpid());
}

}  // namespace

event_file::event_file(const std::filesystem::path& folder, std::int64_t first_step) {
  try {
    std::filesystem::create_directories(folder);
    path_ = next_path(folder);
  } catch (const std::filesystem::filesystem_error& error) {
    throw input_error(fmt::format("{}: cannot be made: {}", folder.string(), error.code().message()));
  }
  out_.open(path_, std::ios::binary | std::ios::trunc);
  message version = event_at(0);
  version.add_bytes(event_field::file_version, "brain.Event:2");
  append(version.bytes());
  // Also in the first file: one of TensorBoard's two readers takes the first start that it meets for no restart.
  message log;
  log.add_integer(session_log_field::status, session_log_field::start);
  append(event_with(first_step, event_field::session_log, log).bytes());
}

void event_file::add_scalars(std::int64_t step, const std::vector<event_scalar>& scalars) {
  message summary;
  for (const event_scalar& scalar : scalars) {
    message value;
    value.add_bytes(value_field::tag, scalar.tag);
    value.add_float(value_field::simple_value, static_cast<float>(scalar.value));
    summary.add_bytes(summary_field::value, value.bytes());
  }
  append(event_with(step, event_field::summary, summary).bytes());
}

void event_file::add_images(std::int64_t step, const std::vector<event_image>& images) {
  message summary;
  for (const event_image& each : images) {
    message image;
    image.add_integer(image_field::height, static_cast<std::uint64_t>(each.image.size(1)));
    image.add_integer(image_field::width, static_cast<std::uint64_t>(each.image.size(2)));
    image.add_integer(image_field::color_space, static_cast<std::uint64_t>(each.image.size(0)));
    image.add_bytes(image_field::encoded, data::encode_png(each.image));
    message value;
    value.add_bytes(value_field::tag, each.tag);
    value.add_bytes(value_field::image, image.bytes());
    summary.add_bytes(summary_field::value, value.bytes());
  }
  append(event_with(step, event_field::summary, summary).bytes());
}

std::vector<std::filesystem::path> event_file::files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator{folder})
    if (entry.path().filename().string().starts_with(file_prefix)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void event_file::append(const std::string& event) {
  std::string length;
  append_number(length, static_cast<std::uint64_t>(event.size()));
  std::string record = length;
  append_number(record, masked_crc32c(length));
  record.append(event);
  append_number(record, masked_crc32c(event));
  out_.write(record.data(), static_cast<std::streamsize>(record.size()));
  out_.flush();
  if (!out_) throw input_error(path_.string() + ": cannot be written; is the disk full?");
}

}  // namespace dvar::reporting
