// tokenize DIRECTORY [TOKEN…]: reads texts from standard input, each behind its length in bytes (32 bits,
// little-endian), and writes a line of ids for each: first the untruncated ids, then " | ", then those padded
// to the greatest length, 77 at most. The TOKENs are added first, in order.
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "text/tokenizer.hpp"

namespace {

std::ostream& operator<<(std::ostream& stream, const std::vector<std::int64_t>& ids) {
  for (std::size_t i = 0; i < ids.size(); ++i)
    stream << (i == 0 ? "" : " ") << ids[i];
  return stream;
}

}  // namespace

int main(int count, char** arguments) try {
  if (count < 2) {
    std::cerr << "usage: tokenize DIRECTORY [TOKEN...]\n";
    return 2;
  }
  auto tokenizer = dvar::text::tokenizer::from_directory(arguments[1]);
  tokenizer.limit_length(77);
  for (int i = 2; i < count; ++i)
    tokenizer.add_token(arguments[i]);
  std::uint32_t length = 0;
  std::string text;
  while (std::cin.read(reinterpret_cast<char*>(&length), sizeof length)) {
    text.resize(length);
    std::cin.read(text.data(), length);
    std::cout << tokenizer.encode_text(text) << " | " << tokenizer.encode_padded(text) << '\n';
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "tokenize: " << error.what() << '\n';
  return 1;
}
