#include "text/wordpiece_tokenizer.hpp"

#include "tokenizing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizer = [] {
    dvar::text::wordpiece_tokenizer_data files;
    files.max_length = 77;
    std::int64_t id = 0;
    for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a",     "##a", "b",   "##b",
                              "cat",   "##at",  "##t",   "red",   "ap",     "##ple", "un",  "##i", "##co",
                              "##de",  "e",     "##e",   "i",     "ss",     "##s",   "1",   "##1", "3",
                              ".",     ",",     "中",    "文",    "##文",   "!",     "<",   ">",   "\u0301"})
      files.vocabulary.emplace(token, id++);
    dvar::text::wordpiece_tokenizer built{std::move(files)};
    for (const char* token : {"<cat>", "<cat>_1", "ß+"})
      built.add_token(token);
    return built;
  }();
  dvar::fuzz::check_tokenizer(tokenizer, data, size);
  return 0;
}

std::vector<std::string> dvar::fuzz::seeds() {
  return texts();
}
