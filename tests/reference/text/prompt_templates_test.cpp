#include "text/prompt_templates.hpp"

#include <set>

#include <gtest/gtest.h>

#include "error.hpp"

namespace dvar::text {
namespace {

TEST(prompt_templates_test, are_the_published_lists) {
  EXPECT_EQ(object_templates().size(), 27U);
  EXPECT_EQ(object_templates().front(), "a photo of a {}");
  EXPECT_EQ(object_templates().back(), "a photo of a small {}");
  EXPECT_EQ(std::set(object_templates().begin(), object_templates().end()).size(), 27U);
  EXPECT_EQ(style_templates().size(), 19U);
  EXPECT_EQ(style_templates().front(), "a painting in the style of {}");
  EXPECT_EQ(std::set(style_templates().begin(), style_templates().end()).size(), 17U);
}

TEST(prompt_templates_test, have_one_place_for_the_token_at_the_end) {
  for (const auto list : {object_templates(), style_templates()})
    for (const auto text : list)
      EXPECT_EQ(text.find("{}"), text.size() - 2) << text;
}

TEST(prompt_templates_test, are_chosen_by_the_kind_of_concept) {
  EXPECT_EQ(templates_of(concept_kind::object).data(), object_templates().data());
  EXPECT_EQ(templates_of(concept_kind::style).data(), style_templates().data());
  for (const concept_kind kind : {concept_kind::object, concept_kind::style})
    EXPECT_EQ(concept_kind_from(name_of(kind), "--x"), kind);
  try {
    (void)concept_kind_from("thing", "--x");
    FAIL() << "expected an input_error";
  } catch (const input_error& error) {
    EXPECT_STREQ(error.what(), "--x: expected object or style, found 'thing'");
  }
}

TEST(prompt_templates_test, are_filled) {
  EXPECT_EQ(fill("a photo of my {}", "<cat>"), "a photo of my <cat>");
  EXPECT_EQ(fill("{} and {}", "{}"), "{} and {}");
  EXPECT_EQ(fill("nothing", "<cat>"), "nothing");
  EXPECT_EQ(fill("", "<cat>"), "");
}

}  // namespace
}  // namespace dvar::text
