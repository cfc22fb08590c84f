#include "weights/original_names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "weights/known_surplus.hpp"

namespace dvar::weights {
namespace {

using renaming = std::pair<std::string_view, std::string_view>;

constexpr std::array<renaming, 7> unet_ends{{{"time_embed.0.", "time_embedding.linear_1."},
                                             {"time_embed.2.", "time_embedding.linear_2."},
                                             {"label_emb.0.0.", "add_embedding.linear_1."},
                                             {"label_emb.0.2.", "add_embedding.linear_2."},
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

/// Returns `name` with the prefix that the table has for its own, or none.
template <std::size_t Size>
std::optional<std::string> replaced(std::string_view name, const std::array<renaming, Size>& table) {
  for (const auto& [from, to] : table)
    if (name.starts_with(from)) return std::string{to} + std::string{name.substr(from.size())};
  return std::nullopt;
}

/// Holds the names below a prefix, without it.
class names_below {
 public:
  names_below(const tensor_file& file, std::string prefix) : file_{file}, prefix_{std::move(prefix)} {
    for (const std::string& name : file.names())
      if (name.starts_with(prefix_)) names_.insert(name.substr(prefix_.size()));
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
  const tensor_file& file_;
  std::string prefix_;
  std::set<std::string, std::less<>> names_;
};

/// Says what a place of a UNet's `input_blocks`, `middle_block` or `output_blocks` is called.
struct unet_place {
  std::string renamed;
  bool is_resnet = false;
};

/// Finds places by the beginning of the original names, e.g. `input_blocks.1.0.`; none begins another.
using unet_places = std::map<std::string, unet_place, std::less<>>;

/// Returns the place whose beginning `name` has, or the end.
unet_places::const_iterator place_of(std::string_view name, const unet_places& places) {
  // All beginnings end with a dot, and the longest has four. A file may have as many blocks as names: no loop over all.
  std::size_t dot = name.find('.');
  for (int dots = 0; dots < 4 && dot != std::string_view::npos; ++dots, dot = name.find('.', dot + 1))
    if (const auto found = places.find(name.substr(0, dot + 1)); found != places.end()) return found;
  return places.end();
}

/// Names all places. The first of an input or output block is a resnet, or what changes the resolution; a
/// transformer may follow, and in an output block what doubles the resolution.
unet_places places_of(const names_below& names) {
  unet_places places{{"middle_block.0.", {"mid_block.resnets.0.", true}},
                     {"middle_block.1.", {"mid_block.attentions.0."}},
                     {"middle_block.2.", {"mid_block.resnets.1.", true}}};
  const auto add = [&](std::string original, std::string renamed, bool is_resnet = false) {
    places.emplace(std::move(original), unet_place{std::move(renamed), is_resnet});
  };
  std::size_t level = 0, layer = 0;
  for (std::size_t i = 1; names.has_any(fmt::format("input_blocks.{}.", i)); ++i) {
    const std::string block = fmt::format("input_blocks.{}.", i);
    if (names.has_any(block + "0.op.")) {
      add(block + "0.op.", fmt::format("down_blocks.{}.downsamplers.0.conv.", level));
      ++level;
      layer = 0;
      continue;
    }
    add(block + "0.", fmt::format("down_blocks.{}.resnets.{}.", level, layer), true);
    add(block + "1.", fmt::format("down_blocks.{}.attentions.{}.", level, layer));
    ++layer;
  }
  level = layer = 0;
  for (std::size_t i = 0; names.has_any(fmt::format("output_blocks.{}.", i)); ++i) {
    const std::string block = fmt::format("output_blocks.{}.", i);
    add(block + "0.", fmt::format("up_blocks.{}.resnets.{}.", level, layer), true);
    // Without a transformer the upsampling moves up to its place.
    const bool ends_level = names.has_any(block + "1.conv.") || names.has_any(block + "2.conv.");
    const std::string_view upsampling = names.has_any(block + "1.conv.") ? "1.conv." : "2.conv.";
    if (upsampling != "1.conv.") add(block + "1.", fmt::format("up_blocks.{}.attentions.{}.", level, layer));
    ++layer;
    if (ends_level) {
      add(block + std::string{upsampling}, fmt::format("up_blocks.{}.upsamplers.0.conv.", level));
      ++level;
      layer = 0;
    }
  }
  return places;
}

/// Splits `12.rest` into 12 and `rest`; there is no number where the text has another form, such as `012.`
/// or `12`.
std::pair<std::optional<std::size_t>, std::string_view> number_and_rest(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto length = static_cast<std::size_t>(end - text.data());
  const bool is_plain =
      error == std::errc{} && text.substr(length).starts_with('.') && (text.front() != '0' || length == 1);
  if (!is_plain) return {std::nullopt, text};
  return {number, text.substr(length + 1)};
}

/// Returns where a name of the autoencoder goes, without the parts within a block.
std::optional<std::string> autoencoder_name(std::string_view name, std::size_t levels) {
  for (const std::string_view half : {"encoder.", "decoder."}) {
    if (!name.starts_with(half)) continue;
    const std::string_view rest = name.substr(half.size());
    const std::string front{half};
    const bool encodes = half == "encoder.";
    const std::string_view beginning = encodes ? "down." : "up.";
    if (rest.starts_with(beginning)) {
      const auto [level, inner] = number_and_rest(rest.substr(beginning.size()));
      if (!level || *level >= levels) return std::nullopt;
      const std::array<renaming, 2> parts{
          {{"block.", "resnets."},
           {encodes ? "downsample." : "upsample.", encodes ? "downsamplers.0." : "upsamplers.0."}}};
      const auto part = replaced(inner, parts);
      if (!part) return std::nullopt;
      // The decoder's levels are counted from the finest here, from the coarsest there.
      return front +
             (encodes ? fmt::format("down_blocks.{}.", *level)
                      : fmt::format("up_blocks.{}.", levels - 1 - *level)) +
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

renamed_tensors unet_tensors(const tensor_file& file) {
  const names_below names{file, "model.diffusion_model."};
  const unet_places places = places_of(names);
  renamed_tensors renamed;
  for (const std::string& name : names.all()) {
    std::optional<std::string> target = replaced(name, unet_ends);
    if (!target) {
      const auto found = place_of(name, places);
      if (found == places.end()) continue;
      const auto& [original, place] = *found;
      const std::string rest = name.substr(original.size());
      const auto part = place.is_resnet ? replaced(rest, resnet_parts) : std::optional{rest};
      if (!part) continue;
      target = place.renamed + *part;
    }
    renamed.emplace(*target, names.stored(name));
  }
  return renamed;
}

renamed_tensors autoencoder_tensors(const tensor_file& file, const std::string& prefix) {
  const names_below names{file, prefix};
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
    if (const std::size_t at = target->find(shortcut); at != std::string::npos)
      target->replace(at, shortcut.size(), "conv_shortcut.");
    renamed.emplace(*target, std::move(stored));
  }
  return renamed;
}

renamed_tensors clip_text_tensors(const tensor_file& file, const std::string& prefix) {
  const names_below names{file, prefix};
  renamed_tensors renamed;
  for (const std::string& name : names.all())
    if (!is_known_surplus(name)) renamed.emplace(name, names.stored(name));
  return renamed;
}

namespace {

std::size_t count_of_layers(const names_below& names) {
  std::size_t layers = 0;
  while (names.has_any(fmt::format("transformer.resblocks.{}.", layers)))
    ++layers;
  return layers;
}

/// Returns the tensors of the first layers of OpenCLIP's text tower, and those around the layers.
renamed_tensors open_clip_tower(const names_below& names, std::size_t layers) {
  renamed_tensors renamed;
  const auto add = [&](const std::string& name, const std::string& target) {
    if (names.all().contains(name)) renamed.emplace("text_model." + target, names.stored(name));
  };
  add("token_embedding.weight", "embeddings.token_embedding.weight");
  add("positional_embedding", "embeddings.position_embedding.weight");
  add("ln_final.weight", "final_layer_norm.weight");
  add("ln_final.bias", "final_layer_norm.bias");
  for (std::size_t layer = 0; layer < layers; ++layer) {
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

}  // namespace

renamed_tensors open_clip_text_tensors(const tensor_file& file, const std::string& prefix) {
  const names_below names{file, prefix};
  const std::size_t layers = count_of_layers(names);
  return open_clip_tower(names, layers == 0 ? 0 : layers - 1);
}

renamed_tensors open_clip_projecting_tensors(const tensor_file& file, const std::string& prefix) {
  const names_below names{file, prefix};
  renamed_tensors renamed = open_clip_tower(names, count_of_layers(names));
  constexpr const char* projection = "text_projection";
  if (names.all().contains(projection)) {
    stored_tensor stored = names.stored(projection);
    stored.transposed = stored.shape.size() == 2;
    std::ranges::reverse(stored.shape);
    renamed.emplace("text_projection.weight", std::move(stored));
  }
  return renamed;
}

}  // namespace dvar::weights
