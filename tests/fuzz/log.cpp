#include <sstream>
#include <stdexcept>
#include <string>

#include <dvar/trace/crc32c.hpp>
#include <dvar/trace/log.hpp>

#include "target.hpp"

namespace {

/// Returns a message as a TFRecord.
std::string record_of(const std::string& message) {
  const auto number = [](std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i)
      text += static_cast<char>(value >> (8 * i) & 0xFFU);
    return text;
  };
  const std::string length = number(message.size(), 8);
  return length + number(dvar::masked_crc32c(length), 4) + message + number(dvar::masked_crc32c(message), 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  for (const char* const column : {"", "loss"}) {
    std::istringstream in(bytes);
    try {
      const dvar::logged_column log = dvar::read_log(in, column);
      std::size_t values = 0;
      for (std::size_t i = 0; i < log.records.size(); ++i) {
        dvar::fuzz::expect(i == 0 || log.records[i - 1].step() < log.records[i].step(), "steps rise");
        values += log.records[i].size();
        dvar::fuzz::expect(log.records[i].empty() || log.records[i][0].name == log.name, "one column alone");
      }
      dvar::fuzz::expect(values > 0, "a column has values");
    } catch (const dvar::trace_error&) {
      // What is no log is refused.
    }
  }
  return 0;
}

std::vector<std::string> dvar::fuzz::seeds() {
  using namespace std::string_literals;
  // Events of TensorBoard: the file's version, loss = 1 at step 1, the same as a tensor at step 2, and a start at step 2.
  const std::string events =
      record_of("\x1a\x0d"s + "brain.Event:2") +
      record_of("\x10\x01\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\x80\x3f"s) +
      record_of("\x10\x02\x2a\x12\x0a\x10\x0a\x04loss\x42\x08\x08\x01\x22\x04\0\0\x80\x3f"s) +
      record_of("\x10\x02\x3a\x02\x08\x01"s);
  return {
      "step,loss,probe_loss\n1,0.5,0.25\n2,0.4,\n7,,nan\n",
      "{\"step\":1,\"loss\":0.5,\"probe_loss\":0.25}\n{\"step\":2,\"loss\":\"nan\",\"a\":{\"b\":1}}\n",
      "{\"log_history\": [\n{\"step\": 2, \"loss\": 0.5},\n{\"step\": 2, \"eval_loss\": 0.7}\n], \"step\": 3}\n",
      "[{\"step\":1,\"loss\":1},{\"step\":2,\"loss\":2}]",
      "Wall time,Step,Value\n1700000000.1,0,0.5\n1700000001.1,10,0.25\n",
      "\"Step\",\"a, \"\"b\"\"\",\"c\"\n\"3\",\"2\",\"3\"\n\"1\",\"2\",\"3\"\n",
      "\xEF\xBB\xBF"
      "epoch;loss\r\n0;0.5\r\n1;NA\r\n",
      events,
      "",
  };
}
