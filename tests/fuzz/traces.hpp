#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>

#include <dvar/trace/trace.hpp>
#include <dvar/trace/trace_error.hpp>

#include "target.hpp"

namespace dvar::fuzz {

/// Checks that any text is a trace or a `trace_error`. What was read can be written, and read again, exactly;
/// and where the writing was cut off, what is read is the beginning of it.
template <class Read, class Write>
void check_trace(const std::uint8_t* data, std::size_t size, Read read, Write write) {
  std::optional<trace> records;
  try {
    std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
    records = read(in);
  } catch (const trace_error&) {
    return;
  }
  const auto text_of = [&](const trace& some) {
    std::ostringstream out;
    write(out, some);
    return out.str();
  };
  const auto read_back = [&](const std::string& text) {
    std::istringstream in(text);
    return read(in);
  };
  for (const trace_record& record : *records)
    for (const named_value& each : record)
      expect(record[each.name].has_value(), "a value is there by its name");
  const std::string text = text_of(*records);
  // Texts, as a NaN does not equal itself.
  expect(text_of(read_back(text)) == text, "what is written reads back exactly");
  const std::size_t cut = size > 0 ? data[size - 1] * text.size() / 255 : 0;
  const trace beginning = read_back(text.substr(0, cut));
  expect(beginning.size() <= records->size(), "an interrupted file has no more records");
  const std::string kept = text_of(beginning);
  expect(beginning.empty() || text.compare(0, kept.size(), kept) == 0, "an interrupted file is a beginning");
}

}  // namespace dvar::fuzz
