#include "training/inversion_run.hpp"

#include <fmt/format.h>

#include <dvar/criteria/any_of.hpp>
#include <dvar/criteria/non_finite.hpp>
#include <dvar/criteria/step_limit.hpp>
#include <dvar/monitor.hpp>
#include <dvar/trace/json_lines.hpp>
#include <fstream>
#include <sstream>

#include "error.hpp"
#include "training/checkpoint.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::training {
namespace {

std::string as_json_lines(const trace& records) {
  std::ostringstream text;
  for (const trace_record& record : records)
    write_json_line(text, record);
  return text.str();
}

/// The trace on disk, a line a step. It is never ahead of the memory, so a resumed run writes it anew up to its
/// checkpoint and goes on behind that.
class trace_file {
 public:
  trace_file(std::filesystem::path path, const trace& so_far) : path_{std::move(path)} {
    weights::write_atomically(path_, as_json_lines(so_far));
    out_.open(path_, std::ios::app);
    check();
  }
  void append(const trace_record& record) {
    write_json_line(out_, record);
    check();
  }
  void flush() {
    out_.flush();
    check();
  }

 private:
  void check() const {
    if (!out_) throw input_error(path_.string() + ": cannot be written; is the disk full?");
  }
  std::filesystem::path path_;
  std::ofstream out_;
};

template <class Monitor>
std::int64_t load(const run_files& files, textual_inversion& inversion, Monitor& monitor) {
  const checkpoint saved = read_checkpoint(files.checkpoint);
  if (saved.configuration != files.configuration) {
    throw input_error(files.checkpoint.string() +
                      ": belongs to a run with other options; give the same ones to resume it");
  }
  try {
    load_state(monitor, std::span<const std::byte>{saved.monitor});
    inversion.load_state(saved.inversion);
  } catch (const state_error& error) {
    throw input_error(fmt::format("{}: {}", files.checkpoint.string(), error.what()));
  } catch (const std::invalid_argument& error) {
    throw input_error(fmt::format("{}: {}", files.checkpoint.string(), error.what()));
  }
  return saved.step;
}

}  // namespace

run_result run_inversion(textual_inversion& inversion, const probe_options& probe, std::int64_t probe_every,
                         const stopping_options& stopping, const run_files& files,
                         const step_listener& listener, const std::function<bool()>& interrupted) {
  convergence_monitor monitor{make_probe(inversion, probe),
                              any_of{variance_ratio{stopping.rule},
                                     step_limit{static_cast<std::size_t>(stopping.step_limit)}, non_finite{}},
                              cadence{static_cast<std::size_t>(probe_every)}};
  std::int64_t step = files.resume ? load(files, inversion, monitor) : 0;
  trace_file trace{files.trace, monitor.records()};
  const auto save = [&] {
    trace.flush();
    write_checkpoint(files.checkpoint, {.step = step,
                                        .inversion = inversion.state(),
                                        .monitor = save_state(monitor),
                                        .configuration = files.configuration});
  };

  verdict latest = monitor.latest();
  std::string poisoned;
  while (!latest.stop && poisoned.empty() && step < stopping.step_limit) {
    if (interrupted()) {
      save();
      return {
          .interrupted = true, .stop_reason = "", .sentence = "", .step = step, .records = monitor.records()};
    }
    const step_outcome outcome = inversion.take_step(++step);
    latest = monitor.after_step(static_cast<std::size_t>(step),
                                {.loss = outcome.loss, .gradient_norm = outcome.gradient_norm});
    trace.append(monitor.records().back());
    listener(monitor.records().back(), latest);
    if (!outcome.applied && !outcome.skipped) {
      poisoned =
          fmt::format("the loss or its gradient was not finite at step {}; the embedding is that of step {}",
                      step, step - 1);
    }
    if (step % files.checkpoint_every == 0) save();
  }
  save();
  run_result result{.stop_reason = {}, .sentence = {}, .step = step, .records = monitor.records()};
  if (!poisoned.empty()) {
    result.stop_reason = "non_finite";
    result.sentence = poisoned;
  } else if (latest.stop) {
    result.stop_reason = latest.reason;
    result.sentence = monitor.reason();
  } else {
    result.stop_reason = "step_limit";
    result.sentence = fmt::format("step limit of {} reached", stopping.step_limit);
  }
  return result;
}

}  // namespace dvar::training
