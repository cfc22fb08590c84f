#include "cli/train/method_rows.hpp"

#include "cli/options/common_rows.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {

option_rows method_rows(train_options& o) {
  const requirement lora{"--method dreambooth-lora", [&o] { return o.text.method == "dreambooth-lora"; },
                         "the other methods have no use for it"};
  const requirement custom{"--method custom-diffusion", [&o] { return o.text.method == "custom-diffusion"; },
                           "the other methods have no use for it"};
  const requirement more{"--method dreambooth-lora or custom-diffusion",
                         [&o] { return o.text.method != "textual-inversion"; },
                         "Textual Inversion has no use for it"};
  const requirement full{"--lora-layers full", [&o] { return o.text.lora_layers == "full"; },
                         "the others have no convolutions of 3x3"};
  const requirement prior{"--class-prompt, or class prompts in --concepts-list",
                          [&o] { return keeps_classes(o); }};
  training::lora_options& factors = o.inversion.lora;
  return {
      {.name = "method",
       .value = &o.text.method,
       .help = "What is learned",
       .accepts = one_of(training::method_kinds,
                         {"the token's vectors", "low-rank factors of the networks' layers, with the vectors",
                          "the UNet's weights for keys and values of the text, with the vectors"})},
      {.name = "rank",
       .value = &factors.rank,
       .help = "Rank of the factors",
       .accepts = at_least(1),
       .needs = lora},
      {.name = "alpha",
       .value = &factors.alpha,
       .help = "Products of factors are multiplied by alpha / rank",
       .otherwise = "the rank",
       .accepts = above(0),
       .needs = lora},
      {.name = "lora-layers",
       .value = &o.text.lora_layers,
       .help = "Layers that get factors",
       .accepts = one_of(training::lora_layer_names,
                         {"queries, keys, values, outputs", "all linear layers of the UNet's transformers",
                          "those of its residual blocks and all convolutions of 3x3 too"}),
       .needs = lora},
      {.name = "conv-rank",
       .aliases = {"conv-dim"},
       .value = &factors.conv_rank,
       .help = "Rank of the factors of convolutions of 3x3",
       .otherwise = "that of --rank",
       .accepts = at_least(1),
       .needs = full},
      {.name = "conv-alpha",
       .value = &factors.conv_alpha,
       .help = "Products of these factors are multiplied by this / their rank",
       .otherwise = "their rank",
       .accepts = above(0),
       .needs = full},
      {.name = "lora-dropout",
       .value = &factors.dropout,
       .help = "Probability by which an element of what factors see is dropped in a step",
       .accepts = from_to_below(0, 1),
       .needs = lora},
      {.name = "lora-text-encoder",
       .aliases = {"train-text-encoder"},
       .value = &factors.text_encoder,
       .help = "Learn factors of the text encoder's layers too",
       .needs = lora},
      {.name = "lora-text-learning-rate",
       .aliases = {"text-encoder-lr"},
       .value = &factors.text_learning_rate,
       .help = "The learning rate of the text encoder's factors at its highest",
       .otherwise = "that of --lora-learning-rate",
       .accepts = above(0),
       .needs = {"--lora-text-encoder", [&o] { return o.inversion.lora.text_encoder; }}},
      {.name = "lora-learning-rate",
       .aliases = {"lora-lr"},
       .value = &factors.learning_rate,
       .help = "The factors' learning rate at its highest; --learning-rate is that of the vectors",
       .accepts = above(0),
       .needs = lora},
      {.name = "kv-learning-rate",
       .aliases = {"kv-lr"},
       .value = &o.inversion.custom_diffusion.learning_rate,
       .help =
           "The learning rate of keys' and values' weights at its highest; --learning-rate is that of the vectors",
       .accepts = above(0),
       .needs = custom},
      {.name = "no-rescale",
       .value = &o.text.no_rescale,
       .help = "Learn from pictures as they are, not in other sizes with words for that in the prompt",
       .needs = custom},
      {.name = "freeze-token",
       .value = &o.inversion.freeze_token,
       .help = "Leave the token's vectors as they begin",
       .needs = more},
      {.name = "pivotal",
       .value = &o.text.pivotal,
       .help =
           "Learn the token alone first, in OUTPUT/token, until any of these rules stops that, which are as those of --stop, and then the rest around the frozen token; may be repeated",
       .otherwise = "none",
       .needs = {"--method dreambooth-lora or custom-diffusion, and no --concepts-list",
                 [&o, more] { return more.met() && o.concepts_list.empty(); }},
       .offers = offered_rules()},
      {.name = "class-prompt",
       .value = &o.class_pictures.prompt,
       .help =
           "Keep what the model makes of this prompt, such as 'a photo of a dog': learn from class pictures too",
       .otherwise = "none",
       .accepts = text_form{"a prompt without the token",
                            [&o](const std::string& prompt) {
                              return !text::has_hole(text::with_holes(prompt, o.token));
                            }},
       .needs = {"--method dreambooth-lora or custom-diffusion, and no --concepts-list",
                 [&o, more] { return more.met() && o.concepts_list.empty(); }}},
      {.name = "class-pictures",
       .value = &o.class_pictures.folder,
       .help = "Folder with pictures of the class",
       .otherwise = "the model draws them",
       .needs = {"--class-prompt and no --concepts-list",
                 [&o] { return o.class_pictures.is_wanted() && o.concepts_list.empty(); }},
       .decides = never},  // the pictures do: see configuration_of
      {.name = "class-count",
       .value = &o.class_pictures.count,
       .help = "Class pictures that the model draws, of each class",
       .accepts = at_least(1),
       .needs = {"--class-prompt and no --class-pictures, or a class without pictures in --concepts-list",
                 [&o] {
                   return std::ranges::any_of(o.concepts, [](const concept_choice& each) {
                     return each.class_pictures.is_wanted() && each.class_pictures.folder.empty();
                   });
                 }}},
      {.name = "prior-weight",
       .value = &o.class_pictures.weight,
       .help = "What the loss of class pictures weighs beside that of the thing's",
       .accepts = at_least(0),
       .needs = prior},
      {.name = "lora-format",
       .value = &o.text.lora_format,
       .help = "Layout of the file",
       .accepts = choices{{"diffusers"}, {"kohya", "for webui and ComfyUI"}, {"both", "a file each"}},
       .needs = lora,
       .decides = never},
  };
}

}  // namespace dvar::cli
