#include "weights/original_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace dvar::weights {
namespace {

using renaming = std::pair<std::string_view, std::string_view>;

constexpr std::array<renaming, 5> unet_ends{{{"time_embed.0.", "time_embedding.linear_1."},
                                             {"time_embed.2.", "time_embedding.linear_2."},
                                             {"input_blocks.0.0.", "conv_in."},
                                             {"out.0.", "conv_norm_out."},
                                             {"out.2.", "conv_out."}}};

constexpr std::array<renaming, 6> resnet_parts{{{"in_layers.0.", "norm1."},
                                                {"in_layers.2.", "conv1."},
                                                {"out_layers.0.", "norm2."},
                                                {"out_layers.3.", "conv2."},
                                                {"emb_layers.1.", "time_emb_proj."},
                                                {"skip_connection.", "conv_shortcut."}}};

constexpr std::array<renaming, 5> autoencoder_attention_parts{{{"norm.", "group_norm."},
                                                               {"q.", "to_q."},
                                                               {"k.", "to_k."},
                                                               {"v.", "to_v."},
                                                               {"proj_out.", "to_out.0."}}};

constexpr std::array<renaming, 6> open_clip_layer_parts{{{"ln_1.", "layer_norm1."},
                                                         {"ln_2.", "layer_norm2."},
                                                         {"mlp.c_fc.", "mlp.fc1."},
                                                         {"mlp.c_proj.", "mlp.fc2."},
                                                         {"attn.out_proj.", "self_attn.out_proj."},
                                                         {"attn.in_proj_", "self_attn.{}_proj."}}};

/// `name` with the prefix that the table has for its own, or none.
template <std::size_t Size>
std::optional<std::string> replaced(std::string_view name, const std::array<renaming, Size>& table) {
  for (const auto& [from, to] : table) {
    if (name.starts_with(from)) return std::string{to} + std::string{name.substr(from.size())};
  }
  return std::nullopt;
}

/// The names below a prefix, without it.
class names_below {
 public:
  names_below(const safetensors_file& file, std::string prefix) : file_{file}, prefix_{std::move(prefix)} {
    for (const std::string& name : file.names()) {
      if (name.starts_with(prefix_)) names_.insert(name.substr(prefix_.size()));
    }
  }

  const std::set<std::string, std::less<>>& all() const { return names_; }

  bool has_any(const std::string& beginning) const {
    const auto next = names_.lower_bound(beginning);
    return next != names_.end() && next->starts_with(beginning);
  }

  stored_tensor stored(const std::string& name) const {
    return {.name = prefix_ + name, .shape = file_.info(prefix_ + name).shape};
  }

 private:
  const safetensors_file& file_;
  std::string prefix_;
  std::set<std::string, std::less<>> names_;
};

/// One place of a UNet's `input_blocks`, `middle_block` or `output_blocks`, e.g. `input_blocks.1.0.`.
struct unet_place {
  std::string original;
  std::string renamed;
  bool is_resnet = false;
};

/// The first place of an input or output block is a resnet, or what changes the resolution; a transformer may follow,
/// and in an output block what doubles the resolution.
std::vector<unet_place> unet_places(const names_below& names) {
  std::vector<unet_place> places{{"middle_block.0.", "mid_block.resnets.0.", true},
                                 {"middle_block.1.", "mid_block.attentions.0."},
                                 {"middle_block.2.", "mid_block.resnets.1.", true}};
  std::size_t level = 0, layer = 0;
  for (std::size_t i = 1; names.has_any(fmt::format("input_blocks.{}.", i)); ++i) {
    const std::string block = fmt::format("input_blocks.{}.", i);
    if (names.has_any(block + "0.op.")) {
      places.push_back({block + "0.op.", fmt::format("down_blocks.{}.downsamplers.0.conv.", level)});
      ++level;
      layer = 0;
      continue;
    }
    places.push_back({block + "0.", fmt::format("down_blocks.{}.resnets.{}.", level, layer), true});
    places.push_back({block + "1.", fmt::format("down_blocks.{}.attentions.{}.", level, layer)});
    ++layer;
  }
  level = layer = 0;
  for (std::size_t i = 0; names.has_any(fmt::format("output_blocks.{}.", i)); ++i) {
    const std::string block = fmt::format("output_blocks.{}.", i);
    places.push_back({block + "0.", fmt::format("up_blocks.{}.resnets.{}.", level, layer), true});
    // Without a transformer the upsampling moves up to its place.
    const bool ends_level = names.has_any(block + "1.conv.") || names.has_any(block + "2.conv.");
    const std::string_view upsampling = names.has_any(block + "1.conv.") ? "1.conv." : "2.conv.";
    if (upsampling != "1.conv.") {
      places.push_back({block + "1.", fmt::format("up_blocks.{}.attentions.{}.", level, layer)});
    }
    ++layer;
    if (ends_level) {
      places.push_back(
          {block + std::string{upsampling}, fmt::format("up_blocks.{}.upsamplers.0.conv.", level)});
      ++level;
      layer = 0;
    }
  }
  return places;
}

/// Where a name of the autoencoder goes, without the parts within a block.
std::optional<std::string> autoencoder_name(std::string_view name, std::size_t levels) {
  for (const std::string_view half : {"encoder.", "decoder."}) {
    if (!name.starts_with(half)) continue;
    const std::string_view rest = name.substr(half.size());
    const std::string front{half};
    for (std::size_t i = 0; i < levels; ++i) {
      const std::string down = fmt::format("down.{}.", i), up = fmt::format("up.{}.", i);
      // The decoder's levels are counted from the finest here, from the coarsest there.
      const std::array<renaming, 2> parts{{{"block.", "resnets."},
                                           {half == "encoder." ? "downsample." : "upsample.",
                                            half == "encoder." ? "downsamplers.0." : "upsamplers.0."}}};
      const std::string& own = half == "encoder." ? down : up;
      if (!rest.starts_with(own)) continue;
      const auto part = replaced(rest.substr(own.size()), parts);
      if (!part) return std::nullopt;
      return front +
             (half == "encoder." ? fmt::format("down_blocks.{}.", i)
                                 : fmt::format("up_blocks.{}.", levels - 1 - i)) +
             *part;
    }
    constexpr std::array<renaming, 6> others{{{"mid.block_1.", "mid_block.resnets.0."},
                                              {"mid.block_2.", "mid_block.resnets.1."},
                                              {"mid.attn_1.", "mid_block.attentions.0."},
                                              {"norm_out.", "conv_norm_out."},
                                              {"conv_in.", "conv_in."},
                                              {"conv_out.", "conv_out."}}};
    const auto other = replaced(rest, others);
    return other ? std::optional{front + *other} : std::nullopt;
  }
  const bool is_outside = name.starts_with("quant_conv.") || name.starts_with("post_quant_conv.");
  return is_outside ? std::optional{std::string{name}} : std::nullopt;
}

}  // namespace

renamed_tensors unet_tensors(const safetensors_file& file) {
  const names_below names{file, "model.diffusion_model."};
  const std::vector<unet_place> places = unet_places(names);
  renamed_tensors renamed;
  for (const std::string& name : names.all()) {
    std::optional<std::string> target = replaced(name, unet_ends);
    if (!target) {
      const auto place = std::ranges::find_if(
          places, [&](const unet_place& candidate) { return name.starts_with(candidate.original); });
      if (place == places.end()) continue;
      const std::string rest = name.substr(place->original.size());
      const auto part = place->is_resnet ? replaced(rest, resnet_parts) : std::optional{rest};
      if (!part) continue;
      target = place->renamed + *part;
    }
    renamed.emplace(*target, names.stored(name));
  }
  return renamed;
}

renamed_tensors autoencoder_tensors(const safetensors_file& file) {
  const names_below names{file, "first_stage_model."};
  std::size_t levels = 0;
  while (names.has_any(fmt::format("encoder.down.{}.", levels)))
    ++levels;
  constexpr std::string_view attention = "mid_block.attentions.0.", shortcut = "nin_shortcut.";
  renamed_tensors renamed;
  for (const std::string& name : names.all()) {
    std::optional<std::string> target = autoencoder_name(name, levels);
    if (!target) continue;
    stored_tensor stored = names.stored(name);
    if (const std::size_t at = target->find(attention); at != std::string::npos) {
      const auto part = replaced(target->substr(at + attention.size()), autoencoder_attention_parts);
      if (!part) continue;
      target = target->substr(0, at + attention.size()) + *part;
      while (stored.shape.size() > 2 && stored.shape.back() == 1)
        stored.shape.pop_back();
    }
    if (const std::size_t at = target->find(shortcut); at != std::string::npos) {
      target->replace(at, shortcut.size(), "conv_shortcut.");
    }
    renamed.emplace(*target, std::move(stored));
  }
  return renamed;
}

renamed_tensors clip_text_tensors(const safetensors_file& file) {
  const names_below names{file, "cond_stage_model.transformer."};
  renamed_tensors renamed;
  for (const std::string& name : names.all()) {
    if (!name.ends_with("position_ids")) renamed.emplace(name, names.stored(name));
  }
  return renamed;
}

renamed_tensors open_clip_text_tensors(const safetensors_file& file) {
  const names_below names{file, "cond_stage_model.model."};
  std::size_t layers = 0;
  while (names.has_any(fmt::format("transformer.resblocks.{}.", layers)))
    ++layers;
  renamed_tensors renamed;
  const auto add = [&](const std::string& name, const std::string& target) {
    if (names.all().contains(name)) renamed.emplace("text_model." + target, names.stored(name));
  };
  add("token_embedding.weight", "embeddings.token_embedding.weight");
  add("positional_embedding", "embeddings.position_embedding.weight");
  add("ln_final.weight", "final_layer_norm.weight");
  add("ln_final.bias", "final_layer_norm.bias");
  for (std::size_t layer = 0; layer + 1 < layers; ++layer) {
    const std::string block = fmt::format("transformer.resblocks.{}.", layer);
    for (auto name = names.all().lower_bound(block); name != names.all().end() && name->starts_with(block);
         ++name) {
      const auto part = replaced(std::string_view{*name}.substr(block.size()), open_clip_layer_parts);
      if (!part) continue;
      const std::string target = fmt::format("text_model.encoder.layers.{}.{}", layer, *part);
      const std::size_t letter = target.find("{}");
      const stored_tensor stored = names.stored(*name);
      if (letter == std::string::npos) {
        renamed.emplace(target, stored);
        continue;
      }
      if (stored.shape.empty()) continue;
      stored_tensor third = stored;
      third.rows = third.shape.front() = stored.shape.front() / 3;
      for (const char* projection : {"q", "k", "v"}) {
        renamed.emplace(std::string{target}.replace(letter, 2, projection), third);
        third.first_row += third.rows;
      }
    }
  }
  return renamed;
}

bool is_known_surplus(std::string_view name) {
  constexpr std::array<std::string_view, 6> beginnings{
      "model_ema.", "first_stage_model.loss.", "cond_stage_model.logit_scale",
      // The last layer, which Stable Diffusion 2 leaves out.
      "cond_stage_model.model.transformer.resblocks.", "cond_stage_model.model.logit_scale",
      "cond_stage_model.model.text_projection"};
  constexpr std::array<std::string_view, 18> buffers{"betas",
                                                     "alphas_cumprod",
                                                     "alphas_cumprod_prev",
                                                     "sqrt_alphas_cumprod",
                                                     "sqrt_one_minus_alphas_cumprod",
                                                     "log_one_minus_alphas_cumprod",
                                                     "sqrt_recip_alphas_cumprod",
                                                     "sqrt_recipm1_alphas_cumprod",
                                                     "posterior_variance",
                                                     "posterior_log_variance_clipped",
                                                     "posterior_mean_coef1",
                                                     "posterior_mean_coef2",
                                                     "ddim_sigmas",
                                                     "ddim_alphas",
                                                     "lvlb_weights",
                                                     "logvar",
                                                     "scale_factor",
                                                     "cond_stage_model.model.attn_mask"};
  return name.ends_with("position_ids") || std::ranges::find(buffers, name) != buffers.end() ||
         std::ranges::any_of(beginnings, [&](std::string_view part) { return name.starts_with(part); });
}

}  // namespace dvar::weights
