#include "training/probe_options.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <dvar/probe/draws.hpp>

namespace dvar::training {
namespace {

using member = bool probe_sources::*;
constexpr name_table<member, 5> source_names{{{{"images", &probe_sources::images},
                                               {"latents", &probe_sources::latents},
                                               {"noise", &probe_sources::noise},
                                               {"captions", &probe_sources::captions},
                                               {"timesteps", &probe_sources::timesteps}}}};

constexpr probe_sources none{
    .images = false, .latents = false, .noise = false, .captions = false, .timesteps = false};

bool is_code(std::string_view text) {
  return text.size() == source_names.entries.size() &&
         std::all_of(text.begin(), text.end(), [](char digit) { return digit == '0' || digit == '1'; });
}

/// Returns the third of the schedule that the choice names, or all of it.
index_range range_of(timestep_choice choice, std::size_t steps) {
  const index_range all{0, steps};
  switch (choice) {
    case timestep_choice::first_third:
      return all.part(0, 3);
    case timestep_choice::middle_third:
      return all.part(1, 3);
    case timestep_choice::last_third:
      return all.part(2, 3);
    case timestep_choice::stratified:
    case timestep_choice::random:
      break;
  }
  return all;
}

}  // namespace

probe_sources probe_sources_from(std::string_view text, std::string_view option) {
  if (text == "all") return {};
  probe_sources sources = none;
  if (text == "none") return sources;
  if (is_code(text)) {
    for (std::size_t i = 0; i < text.size(); ++i)
      sources.*source_names.entries[i].value = text[i] == '1';
    return sources;
  }
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    const auto found = std::ranges::find(source_names.entries, word, &name_entry<member>::name);
    if (found == source_names.entries.end()) {
      throw input_error(fmt::format(
          "{}: expected some of {} with commas between, all, none, or five digits of 0 and 1, found '{}'",
          option, source_names.list(), text));
    }
    sources.*found->value = true;
    if (comma == std::string_view::npos) return sources;
    rest = rest.substr(comma + 1);
  }
}

std::string experiment_code(const probe_sources& sources) {
  std::string code;
  for (const auto& [_, fixed] : source_names.entries)
    code += sources.*fixed ? '1' : '0';
  return code;
}

std::string probe_source_names() {
  return source_names.list();
}

std::vector<std::int64_t> draw_timesteps(timestep_choice choice, std::int64_t count, std::int64_t steps,
                                         std::mt19937_64& random) {
  const index_range range = range_of(choice, static_cast<std::size_t>(steps));
  const auto wanted = static_cast<std::size_t>(count);
  std::vector<std::size_t> drawn;
  if (choice == timestep_choice::stratified) drawn = draw_stratified(random, range, wanted);
  while (drawn.size() < wanted) {
    const std::vector<std::size_t> more =
        draw_distinct(random, range, std::min(wanted - drawn.size(), range.size()));
    drawn.insert(drawn.end(), more.begin(), more.end());
  }
  return {drawn.begin(), drawn.end()};
}

}  // namespace dvar::training
