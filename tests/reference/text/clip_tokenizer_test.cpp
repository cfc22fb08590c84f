#include "text/clip_tokenizer.hpp"

#include "../files.hpp"
#include "text/bpe_training.hpp"

namespace dvar::text {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using test::put;
using testing::HasSubstr;
using ids = std::vector<std::int64_t>;

/// Makes a directory with a learned tokenizer: 512 bytes, merges for "cat", "dog" and "photo", then bos and eos.
fs::path learned_directory() {
  fs::path path = test::new_directory();
  word_counts counts{{"cat", 9}, {"dog", 8}, {"photo", 7}};
  write_clip_tokenizer(path, train_bpe(counts), 8);
  return path;
}

TEST(clip_tokenizer_test, encodes_between_bos_and_eos) {
  const auto tokenizer = clip_tokenizer::from_directory(learned_directory());
  const auto cat = tokenizer.id("cat</w>").value();
  const auto dog = tokenizer.id("dog</w>").value();
  const auto bos = tokenizer.bos_id(), eos = tokenizer.eos_id();
  EXPECT_EQ(bos, tokenizer.vocabulary_size() - 2);
  EXPECT_EQ(eos, tokenizer.vocabulary_size() - 1);
  EXPECT_EQ(tokenizer.pad_id(), eos);
  EXPECT_EQ(tokenizer.encode("Cat\n  DOG"), (ids{bos, cat, dog, eos}));
  EXPECT_EQ(tokenizer.encode(""), (ids{bos, eos}));
  EXPECT_EQ(tokenizer.encode_padded("cat"), (ids{bos, cat, eos, eos, eos, eos, eos, eos}));
  EXPECT_EQ(tokenizer.encode("cat cat cat cat cat cat cat"), (ids{bos, cat, cat, cat, cat, cat, cat, eos}));
  EXPECT_EQ(tokenizer.encode_text("cat cat cat cat cat cat cat").size(), 7U);
  EXPECT_EQ(tokenizer.encode("cat<|endoftext|>dog"), (ids{bos, cat, eos, dog, eos}));
}

TEST(clip_tokenizer_test, says_what_tokens_are) {
  auto tokenizer = clip_tokenizer::from_directory(learned_directory());
  const auto cat = tokenizer.id("cat</w>").value();
  EXPECT_EQ(tokenizer.token(cat), "cat</w>");
  EXPECT_EQ(tokenizer.readable(cat), "cat");
  EXPECT_TRUE(tokenizer.is_whole_word(cat));
  EXPECT_FALSE(tokenizer.is_whole_word(tokenizer.id("ho").value()));
  EXPECT_FALSE(tokenizer.is_whole_word(tokenizer.eos_id()));
  EXPECT_TRUE(tokenizer.is_special(tokenizer.eos_id()));
  EXPECT_FALSE(tokenizer.is_special(cat));
  EXPECT_EQ(tokenizer.readable(tokenizer.eos_id()), "<|endoftext|>");
  EXPECT_EQ(tokenizer.readable(tokenizer.encode_text("猫")[0]), "\ufffd");
  EXPECT_EQ(tokenizer.id("nonsense"), std::nullopt);
  EXPECT_THROW((void)tokenizer.token(-1), std::out_of_range);
  EXPECT_THROW((void)tokenizer.token(tokenizer.vocabulary_size()), std::out_of_range);
  EXPECT_FALSE(tokenizer.is_whole_word(tokenizer.add_token("<x></w>")));
}

TEST(clip_tokenizer_test, adds_tokens_that_stand_for_themselves) {
  auto tokenizer = clip_tokenizer::from_directory(learned_directory());
  const auto size = tokenizer.vocabulary_size();
  const auto cat = tokenizer.id("cat</w>").value();
  const auto token = tokenizer.add_token("<My-Cat>");
  EXPECT_EQ(token, size);
  EXPECT_EQ(tokenizer.vocabulary_size(), size + 1);
  EXPECT_EQ(tokenizer.id("<My-Cat>"), token);
  EXPECT_EQ(tokenizer.token(token), "<My-Cat>");
  EXPECT_EQ(tokenizer.readable(token), "<My-Cat>");
  EXPECT_FALSE(tokenizer.is_special(token));
  EXPECT_EQ(tokenizer.encode_text("cat<my-cat><MY-CAT> cat"), (ids{cat, token, token, cat}));
}

TEST(clip_tokenizer_test, refuses_tokens_that_cannot_be_added) {
  auto tokenizer = clip_tokenizer::from_directory(learned_directory());
  tokenizer.add_token("<Cat>");
  EXPECT_THAT(message_of([&] { tokenizer.add_token("<Cat>"); }),
              HasSubstr("\"<Cat>\": is in the vocabulary already"));
  EXPECT_THAT(message_of([&] { tokenizer.add_token("<cat>"); }), HasSubstr("is the same as \"<Cat>\""));
  EXPECT_THAT(message_of([&] { tokenizer.add_token("<|EndOfText|>"); }), HasSubstr("\"<|endoftext|>\""));
  EXPECT_THAT(message_of([&] { tokenizer.add_token("ho"); }), HasSubstr("is in the vocabulary already"));
  EXPECT_THAT(message_of([&] { tokenizer.add_token(""); }), HasSubstr("at least one character"));
  EXPECT_THAT(message_of([&] { tokenizer.add_token("<my cat>"); }), HasSubstr("no white space"));
  EXPECT_THAT(message_of([&] { tokenizer.add_token("<\xff>"); }), HasSubstr("valid UTF-8"));
}

TEST(clip_tokenizer_test, refuses_a_length_without_room_for_the_ends) {
  auto tokenizer = clip_tokenizer::from_directory(learned_directory());
  for (const std::int64_t length : {1, 0, -1}) {
    EXPECT_THAT(message_of([&] { tokenizer.limit_length(length); }),
                HasSubstr("at least 2 tokens, the two ends, found " + std::to_string(length)));
  }
  tokenizer.limit_length(2);
  EXPECT_EQ(tokenizer.encode("cat"), (ids{tokenizer.first_id(), tokenizer.last_id()}));
}

TEST(clip_tokenizer_test, survives_any_bytes) {
  auto tokenizer = clip_tokenizer::from_directory(learned_directory());
  tokenizer.add_token("<x>");
  std::string bytes;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; second += 5) {
      bytes = {static_cast<char>(first), static_cast<char>(second), '<', 'x', '>', static_cast<char>(first)};
      for (const auto id : tokenizer.encode_text(bytes))
        ASSERT_TRUE(id >= 0 && id < tokenizer.vocabulary_size());
    }
  }
}

TEST(clip_tokenizer_test, reads_special_and_added_tokens_of_the_files) {
  const auto directory = learned_directory();
  const auto size = clip_tokenizer::from_directory(directory).vocabulary_size();
  put(directory / "special_tokens_map.json",
      R"({"pad_token": "!", "bos_token": {"content": "<|startoftext|>"}})");
  put(directory / "added_tokens.json", "{\"<a>\": " + std::to_string(size) + "}");
  const auto tokenizer = clip_tokenizer::from_directory(directory);
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.id("<a>"), size);
  EXPECT_EQ(tokenizer.encode_text("!<A>!"), (ids{0, size, 0}));  // as transformers: pad stands for itself
  put(directory / "added_tokens.json", R"({"<a>": 9999})");
  EXPECT_THAT(message_of([&] { (void)clip_tokenizer::from_directory(directory); }),
              HasSubstr("added token \"<a>\": expected the id " + std::to_string(size) + ", found 9999"));
}

TEST(clip_tokenizer_test, reads_without_the_optional_files) {
  const auto directory = learned_directory();
  fs::remove(directory / "special_tokens_map.json");
  fs::remove(directory / "tokenizer_config.json");
  const auto tokenizer = clip_tokenizer::from_directory(directory);
  EXPECT_EQ(tokenizer.max_length(), 77);
  EXPECT_EQ(tokenizer.token(tokenizer.pad_id()), "<|endoftext|>");
}

TEST(clip_tokenizer_test, names_file_and_place_of_what_it_cannot_read) {
  const auto directory = learned_directory();
  const auto refusal = [&] { return message_of([&] { (void)clip_tokenizer::from_directory(directory); }); };
  put(directory / "merges.txt", "#version: 0.2\na b\na  b\n");
  EXPECT_THAT(refusal(), HasSubstr((directory / "merges.txt").string() + ": line 3: expected two tokens"));
  put(directory / "merges.txt", "q q\n");
  EXPECT_THAT(refusal(), HasSubstr("merge \"q\" \"q\": expected \"qq\" in the vocabulary"));
  fs::remove(directory / "merges.txt");
  EXPECT_THAT(refusal(), HasSubstr((directory / "merges.txt").string() + ": cannot be opened"));
  put(directory / "merges.txt", "");
  put(directory / "vocab.json", R"({"a": "x"})");
  EXPECT_THAT(refusal(), HasSubstr("vocab.json: \"a\": expected an integer, found \"x\""));
  put(directory / "vocab.json", R"({"a": 1, "<|endoftext|>": 2})");
  EXPECT_THAT(refusal(), HasSubstr("expected an id of 0 to 1, found 2"));
  put(directory / "vocab.json", R"({"a": 0, "<|endoftext|>": 0})");
  EXPECT_THAT(refusal(), HasSubstr("tokens \"<|endoftext|>\" and \"a\" have the same id 0"));
  put(directory / "vocab.json", R"({"a": 0})");
  EXPECT_THAT(refusal(), HasSubstr("unk_token: expected a token of the vocabulary, found \"<|endoftext|>\""));
  fs::remove(directory / "vocab.json");
  EXPECT_THAT(refusal(), HasSubstr("vocab.json: cannot be opened"));
  EXPECT_THAT(message_of([&] { (void)clip_tokenizer::from_directory(directory / "no"); }),
              HasSubstr("expected a directory of a tokenizer, found nothing"));
}

}  // namespace
}  // namespace dvar::text
