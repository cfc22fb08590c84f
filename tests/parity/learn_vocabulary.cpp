// learn_vocabulary DIRECTORY SIZE: learns a vocabulary of the text on standard input and writes a tokenizer's
// files.
#include <exception>
#include <iostream>
#include <iterator>
#include <string>

#include "text/bpe_training.hpp"

int main(int count, char** arguments) try {
  if (count != 3) {
    std::cerr << "usage: learn_vocabulary DIRECTORY SIZE\n";
    return 2;
  }
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  dvar::text::word_counts counts;
  dvar::text::count_words(text, counts);
  dvar::text::write_clip_tokenizer(
      arguments[1], dvar::text::train_bpe(counts, {.vocabulary_size = std::stoll(arguments[2])}));
  return 0;
} catch (const std::exception& error) {
  std::cerr << "learn_vocabulary: " << error.what() << '\n';
  return 1;
}
