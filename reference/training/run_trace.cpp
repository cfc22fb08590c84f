#include "training/run_trace.hpp"

#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include <dvar/detail/number_text.hpp>
#include <dvar/trace/json_lines.hpp>

#include "error.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::training {
namespace {

void add_member(std::string& line, std::string_view name, const std::optional<double>& value) {
  if (!value) return;
  const char* const quote = std::isfinite(*value) ? "" : "\"";
  line += fmt::format(",\"{}\":{}{}{}", name, quote, detail::shortest_text(*value), quote);
}

std::string line_of(const trace_record& record, const step_extras& extras) {
  std::ostringstream text;
  write_json_line(text, record);
  std::string line = text.str();
  if (extras.empty()) return line;
  line.erase(line.rfind('}'));
  for (const auto& [name, value] : named_values(extras))
    add_member(line, name, value);
  return line + "}\n";
}

}  // namespace

std::vector<std::pair<std::string, std::optional<double>>> named_values(const step_extras& extras) {
  std::vector<std::pair<std::string, std::optional<double>>> values{{"clip_score", extras.score}};
  for (const auto& [name, value] : extras.other_scores)
    values.emplace_back(name, value);
  for (const auto& [third, value] :
       {std::pair{"first", extras.thirds[0]}, std::pair{"middle", extras.thirds[1]},
        std::pair{"last", extras.thirds[2]}})
    values.emplace_back(std::string{"probe_loss_"} + third, value);
  return values;
}

run_trace::run_trace(std::filesystem::path path, const trace& records, const extras_of_steps& extras)
    : path_{std::move(path)} {
  weights::write_atomically(path_, [&](std::ostream& out) {
    for (const trace_record& record : records) {
      const auto found = extras.find(record.step);
      out << line_of(record, found == extras.end() ? step_extras{} : found->second);
    }
  });
  out_.open(path_, std::ios::app);
  check();
}

void run_trace::append(const trace_record& record, const step_extras& extras) {
  out_ << line_of(record, extras);
  check();
}

void run_trace::flush() {
  out_.flush();
  check();
}

void run_trace::check() const {
  if (!out_) throw input_error(path_.string() + ": cannot be written; is the disk full?");
}

void save_extras(state_writer& out, const extras_of_steps& extras) {
  out.write_count(extras.size());
  for (const auto& [step, values] : extras) {
    out.write_count(step);
    out.write_optional(values.score);
    out.write_count(values.other_scores.size());
    for (const auto& [name, value] : values.other_scores) {
      out.write_text(name);
      out.write_real(value);
    }
    for (const std::optional<double>& third : values.thirds)
      out.write_optional(third);
  }
}

extras_of_steps load_extras(state_reader& in) {
  extras_of_steps extras;
  for (std::uint64_t count = in.read_count(); count > 0; --count) {
    step_extras& values = extras[static_cast<std::size_t>(in.read_count())];
    values.score = in.read_optional();
    for (std::uint64_t scores = in.read_count(); scores > 0; --scores) {
      std::string name = in.read_text();
      values.other_scores[std::move(name)] = in.read_real();
    }
    for (std::optional<double>& third : values.thirds)
      third = in.read_optional();
  }
  return extras;
}

}  // namespace dvar::training
