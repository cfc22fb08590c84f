#include "text/clip_tokenizer.hpp"

#include "tokenizing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizer = [] {
    auto read = dvar::text::clip_tokenizer::from_directory(DVAR_FUZZ_TOKENIZER);
    for (const char* token : {"<cat>", "<cat>_1", "ß+"})
      read.add_token(token);
    return read;
  }();
  dvar::fuzz::check_tokenizer(tokenizer, data, size);
  return 0;
}

std::vector<std::string> dvar::fuzz::seeds() {
  return texts();
}
