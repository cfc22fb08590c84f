#include "cli/model_choice.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "device/fast_types.hpp"
#include "error.hpp"
#include "training/threads.hpp"
#include "weights/messages.hpp"
#include "weights/output_folder.hpp"
#include "weights/read_file.hpp"

namespace dvar::cli {

namespace {

/// Returns the snapshot of a model in a folder of the hub's cache, `models--ORGANIZATION--MODEL`: the main one, or the only one; any
/// other folder as it is, a run's with snapshots of its own among them. Throws `dvar::input_error` when there are several, and names them.
std::filesystem::path snapshot_in(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  const fs::path snapshots = folder / "snapshots";
  if (!fs::is_directory(snapshots) || weights::writer_of(folder)) return folder;
  const fs::path reference = folder / "refs" / "main";
  if (fs::is_regular_file(reference)) {
    std::string name = weights::read_file(reference);
    name.erase(std::min(name.find_first_of(" \r\n"), name.size()));
    if (fs::path{name}.filename() == name && fs::is_directory(snapshots / name)) return snapshots / name;
  }
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator{snapshots})
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  if (names.size() == 1) return snapshots / names.front();
  std::ranges::sort(names);
  throw input_error(fmt::format("{}: expected one snapshot of a model, found {}{}", snapshots.string(),
                                names.empty() ? "none" : "several: ", fmt::join(names, ", ")));
}

/// Returns where the bundled model lies in the tree that the running program is installed in: a tree can be moved. Empty where
/// the system does not say which program is running.
std::filesystem::path moved_demo_model() {
  std::error_code unknown;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  return unknown ? std::filesystem::path{} : program.parent_path() / DVAR_DEMO_MODEL_FROM_PROGRAM;
}

}  // namespace

std::filesystem::path model_directory(const std::string& choice) {
  if (choice != "demo") return snapshot_in(choice);
  for (const std::filesystem::path& place : {moved_demo_model(), std::filesystem::path{DVAR_DEMO_MODEL},
                                             std::filesystem::path{DVAR_INSTALLED_DEMO_MODEL}})
    if (!place.empty() && std::filesystem::exists(place / "model_index.json"))
      return place.lexically_normal();
  throw input_error("--model demo: expected the bundled model in " DVAR_DEMO_MODEL
                    " or " DVAR_INSTALLED_DEMO_MODEL ", found it in neither");
}

diffusion::latent_diffusion open_model(const weights::model_source& source, const std::string& choice,
                                       bool quiet, const models::placement& placement) {
  return open_model(weights::open_model_files(source), choice, quiet, placement);
}

diffusion::latent_diffusion open_model(const weights::model_files& files, const std::string& choice,
                                       bool quiet, const models::placement& placement) {
  auto model = diffusion::latent_diffusion::open(files, placement);
  if (!quiet && !device::computes_fast(placement.device, placement.dtype)) {
    fmt::print(
        stderr,
        "--precision: this processor has no instructions for {}: it may take several times as long as fp32.\n",
        placement.dtype == at::kHalf ? "fp16" : "bf16");
  }
  if (!quiet && !files.assumed.empty()) fmt::print(stderr, "{}: {}\n", choice, files.assumed);
  if (!quiet && !model.surplus.empty()) {
    constexpr std::size_t shown = 3;
    const std::size_t count = model.surplus.size();
    std::string names;
    for (std::size_t i = 0; i < std::min(shown, count); ++i)
      names += (i == 0 ? "" : ", ") + weights::in_quotes(model.surplus[i]);
    fmt::print(stderr, "{}: no network uses {} of its tensors: {}{}\n", choice, count, names,
               count > shown ? ", ..." : "");
  }
  return model;
}

void set_threads(int threads) {
  training::set_operation_threads(threads == 0 ? training::usable_processors() : threads);
}

}  // namespace dvar::cli
