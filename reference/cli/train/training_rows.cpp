#include "cli/train/training_rows.hpp"

#include "cli/init/word_scores.hpp"
#include "cli/options/common_rows.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {

option_rows training_rows(train_options& o) {
  const requirement learned_token{"no --freeze-token", [&o] { return !o.inversion.freeze_token; }};
  return {
      {.name = "batch",
       .value = &o.inversion.batch,
       .help = "Pictures of a batch, on every rank",
       .accepts = at_least(1)},
      {.name = "accumulation",
       .value = &o.inversion.accumulation,
       .help = "Batches whose mean gradient makes one step",
       .accepts = at_least(1)},
      {.name = "min-snr",
       .value = &o.inversion.min_snr,
       .help =
           "Weigh the loss of timesteps with a higher signal-to-noise ratio than this down, to what it would be at this ratio",
       .otherwise = "none",
       .accepts = above(0)},
      {.name = "noise-offset",
       .value = &o.inversion.noise_offset,
       .help = "Add so many times a normal number for each channel to a step's noise",
       .accepts = at_least(0)},
      {.name = "vectors-norm",
       .value = &o.inversion.vectors_norm,
       .help = "Record the norm of the token's longest vector in the trace"},
      {.name = "max-gradient-norm",
       .aliases = {"max-grad-norm"},
       .value = &o.inversion.max_gradient_norm,
       .help = "Scale a step's gradient down to this norm where it is longer",
       .otherwise = "none; 1 for Custom Diffusion",
       .accepts = above(0)},
      {.name = "ema",
       .value = &o.text.ema,
       .help =
           "Keep a moving average of what is learned, of which each step leaves so much, and give it in place of the last",
       .otherwise = "none",
       .accepts = from_to_below(0, 1)},
      {.name = "ema-power",
       .value = &o.text.ema_power,
       .help =
           "Let --ema begin with 1 - (1 + n)^-POWER after n steps, such as 0.6667, in place of (1 + n) / (10 + n)",
       .otherwise = "none",
       .accepts = above(0),
       .needs = {"--ema", [&o] { return o.text.ema.has_value(); }}},
      {.name = "token-update",
       .value = &o.text.token_update,
       .help = "Where a step may take the token's vectors",
       .accepts =
           one_of(training::token_updates, {"anywhere", "anywhere, and then to the norm that they keep",
                                            "along the sphere of that norm, by a rate of 0.01 unless given"}),
       .needs = learned_token},
      {.name = "token-norm",
       .value = &o.inversion.token_updates.norm,
       .help = "The norm that the vectors keep",
       .otherwise = "the vocabulary's: norm-preserving its median, directional its mean",
       .accepts = above(0),
       .needs = {"--token-update norm-preserving or directional",
                 [&o] { return o.text.token_update != "free"; }}},
      {.name = "direction-prior",
       .value = &o.inversion.token_updates.prior,
       .help = "How much a directional update is drawn to where the vectors began",
       .accepts = at_least(0),
       .needs = {"--token-update directional", [&o] { return o.text.token_update == "directional"; }}},
      {.name = "micro-batch",
       .value = &o.inversion.micro_batch,
       .help = "Pictures evaluated at once, also of the probe",
       .otherwise = "the threads divide the batch",
       .accepts = at_least(1)},
      {.name = "captions",
       .value = &o.captions,
       .help = "Take prompts from NAME.txt beside each picture, {} or the token in them, not from templates",
       .decides = never},  // the captions do: see configuration_of
      {.name = "learnable-property",
       .value = &o.text.learnable_property,
       .help = "Whose templates are the prompts",
       .accepts = choices{{"object"}, {"style"}},
       .needs = {"templates to choose from",
                 [&o] {
                   return !o.captions && std::ranges::any_of(o.concepts, [](const concept_choice& each) {
                     return each.prompt.empty();
                   });
                 },
                 "--captions and instance prompts have no use for them"}},
      {.name = "masks",
       .value = &o.text.masks,
       .help =
           "Weigh the loss by masks: beside for NAME.mask.png beside each picture, or a folder with a NAME.png for each",
       .otherwise = "none",
       .needs = {"--no-rescale, and beside with --concepts-list",
                 [&o] {
                   return !o.inversion.rescales() && (o.concepts_list.empty() || o.text.masks == "beside");
                 },
                 "rescaled pictures have masks of their own, and a folder those of one concept"},
       .decides = never,  // the masks do: see configuration_of
       .offers = {"beside"},
       .paths = offered_paths::folders},
      {.name = "mask-background",
       .value = &o.mask_background,
       .help = "What the black of a mask weighs",
       .accepts = between(0, 1),
       .needs = {"--masks", [&o] { return !o.text.masks.empty(); }}},
      center_crop_row(o.center_crop),
      {.name = "random-crop",
       .value = &o.random_crop,
       .help =
           "Cut another square at random in every step, and the centered one for the probe and the scores",
       .needs = {"no --center-crop or --concepts-list, and --no-rescale with Custom Diffusion",
                 [&o] { return !o.center_crop && o.concepts_list.empty() && !o.inversion.rescales(); }}},
      {.name = "buckets",
       .value = &o.buckets,
       .help =
           "Learn from each picture in the shape that is nearest to its own, of about the square's area, and from pictures of one shape in a step",
       .needs =
           {"no --center-crop, --random-crop, --class-prompt or --concepts-list, and --no-rescale with Custom Diffusion",
            [&o] {
              return !o.center_crop && !o.random_crop && !o.class_pictures.is_wanted() &&
                     o.concepts_list.empty() && !o.inversion.rescales();
            }}},
      {.name = "bucket-size",
       .value = &o.bucket_sizes,
       .help = "A shape to choose from, WIDTHxHEIGHT; may be repeated",
       .otherwise = "from half to twice the square's edge, of at most its area",
       .needs = {"--buckets", [&o] { return o.buckets; }}},
      {.name = "flip",
       .value = &o.flip,
       .help = "Chance that a picture is mirrored",
       .accepts = between(0, 1)},
      {.name = "seed", .value = &o.inversion.seed, .help = "Seed of all training draws"},
  };
}

option_rows initialization_rows(train_options& o) {
  return {
      {.name = "init",
       .value = &o.initial.text,
       .help =
           "What the token begins as: the vocabulary's best or worst word by CLIP, a random one, given words, or an embedding",
       .accepts = initial_texts(),
       .needs = one_concept(o),
       .offers = {"best", "worst", "random", "token:", "file:"}},
      {.name = "init-mode",
       .value = &o.initial.mode,
       .help = "What a word of several tokens becomes",
       .accepts = choices{{"mean", "one vector"}, {"spread", "a vector each"}}},
      {.name = "vectors",
       .value = &o.initial.vectors,
       .help = "Vectors of the token",
       .otherwise = "as many as --init gives",
       .accepts = at_least(1),
       .decides = never},  // how many there are does: see configuration_of
      {.name = "init-templates",
       .value = &o.initial.templates,
       .help = "In how many prompts --init best compares a word",
       .accepts = template_counts(),
       .decides = never},  // the word that is found does
      {.name = "cache",
       .value = &o.initial.cache.directory,
       .help = "Folder that keeps the words' scores and the model's class pictures",
       .otherwise = "dvar in the user's cache directory",
       .decides = never,
       .paths = offered_paths::folders},
      {.name = "no-cache",
       .value = &o.initial.cache.off,
       .help = "Compute the words' scores and draw class pictures anew",
       .decides = never},
  };
}

}  // namespace dvar::cli
