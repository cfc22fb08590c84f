#include "cli/model_choice.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "error.hpp"
#include "training/threads.hpp"
#include "weights/messages.hpp"

namespace dvar::cli {

std::filesystem::path model_directory(const std::string& choice) {
  if (choice != "demo") return choice;
  for (std::filesystem::path place : {DVAR_DEMO_MODEL, DVAR_INSTALLED_DEMO_MODEL})
    if (std::filesystem::exists(place / "model_index.json")) return place;
  throw input_error("--model demo: expected the bundled model in " DVAR_DEMO_MODEL
                    " or " DVAR_INSTALLED_DEMO_MODEL ", found it in neither");
}

diffusion::latent_diffusion open_model(const std::string& choice, const std::filesystem::path& configuration,
                                       bool quiet, const models::placement& placement) {
  return open_model(weights::open_model_files(model_directory(choice), configuration), choice, quiet,
                    placement);
}

diffusion::latent_diffusion open_model(const weights::model_files& files, const std::string& choice,
                                       bool quiet, const models::placement& placement) {
  auto model = diffusion::latent_diffusion::open(files, placement);
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
