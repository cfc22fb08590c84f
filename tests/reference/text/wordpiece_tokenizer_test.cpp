#include "text/wordpiece_tokenizer.hpp"

#include "../files.hpp"

namespace dvar::text {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using test::put;
using testing::HasSubstr;
using ids = std::vector<std::int64_t>;

fs::path small_directory() {
  fs::path path = test::new_directory();
  put(path / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\ncat\r\n##s\n,\n");
  put(path / "tokenizer_config.json", R"({"do_lower_case": true, "model_max_length": 8})");
  return path;
}

TEST(wordpiece_tokenizer_test, encodes_between_cls_and_sep) {
  const tokenizer made = tokenizer::from_directory(small_directory());
  EXPECT_EQ(made.encode("A cats, cát"), (ids{2, 5, 6, 7, 8, 6, 3}));
  EXPECT_EQ(made.encode(""), (ids{2, 3}));
  EXPECT_EQ(made.encode_padded("cat dog"), (ids{2, 6, 1, 3, 0, 0, 0, 0}));
  EXPECT_EQ(made.encode("a a a a a a a"), (ids{2, 5, 5, 5, 5, 5, 5, 3}));
  EXPECT_EQ(made.encode_text("a[MASK]a"), (ids{5, 4, 5}));
}

TEST(wordpiece_tokenizer_test, says_what_tokens_are) {
  const auto made = wordpiece_tokenizer::from_directory(small_directory());
  EXPECT_EQ(made.readable(7), "s");
  EXPECT_FALSE(made.is_whole_word(7));
  EXPECT_TRUE(made.is_whole_word(6));
  EXPECT_EQ(made.token(6), "cat");
  EXPECT_TRUE(made.is_special(1));
  EXPECT_FALSE(made.is_whole_word(1));
  EXPECT_EQ(made.vocabulary_size(), 9);
}

TEST(wordpiece_tokenizer_test, adds_tokens_and_leaves_copies_alone) {
  const tokenizer before = wordpiece_tokenizer::from_directory(small_directory());
  tokenizer after = before;
  EXPECT_EQ(after.add_token("<Cat>"), 9);
  EXPECT_EQ(after.encode_text("a<cat>cat<CAT>, s"), (ids{5, 9, 6, 9, 8, 1}));
  EXPECT_EQ(before.vocabulary_size(), 9);
  EXPECT_EQ(before.encode_text("<cat>"), (ids{1, 6, 1}));
  EXPECT_THAT(message_of([&] { after.add_token("<CÁT>"); }), HasSubstr("is the same as \"<Cat>\""));
  EXPECT_THAT(message_of([&] { after.add_token("\u200d"); }), HasSubstr("does not drop"));
}

TEST(wordpiece_tokenizer_test, names_file_and_place_of_what_it_cannot_read) {
  const auto directory = small_directory();
  const auto refusal = [&] {
    return message_of([&] { (void)wordpiece_tokenizer::from_directory(directory); });
  };
  put(directory / "vocab.txt", "[PAD]\n[UNK]\na\na \n");
  EXPECT_THAT(refusal(),
              HasSubstr("vocab.txt: line 4: expected each token once, found \"a\" again (line 3)"));
  put(directory / "vocab.txt", "[PAD]\na\n");
  EXPECT_THAT(refusal(), HasSubstr("unk_token: expected a token of the vocabulary, found \"[UNK]\""));
  fs::remove(directory / "vocab.txt");
  EXPECT_THAT(refusal(), HasSubstr("vocab.txt: cannot be opened"));
  put(directory / "tokenizer.json", R"({"model": {"type": "Unigram", "vocab": {}}})");
  EXPECT_THAT(refusal(), HasSubstr("\"type\": expected \"WordPiece\""));
}

}  // namespace
}  // namespace dvar::text
