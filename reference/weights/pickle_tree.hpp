#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::weights {

enum class pickled_kind : std::uint8_t {
  none,
  boolean,
  integer,
  real,
  text,
  bytes,  ///< also an integer that does not fit into 64 bits
  sequence,
  mapping,
  global,      ///< a name in a Python module
  persistent,  ///< what the pickle refers to outside of itself
  made,        ///< what Python would make by a call
};

/// Names a value by its place in the tree.
using pickled_index = std::uint32_t;

/// Holds one value of a pickle.
struct pickled_value {
  pickled_kind kind = pickled_kind::none;
  std::int64_t integer = 0;  ///< of a boolean, too
  double real = 0.0;
  std::string text{};  ///< of text and bytes; of a global `module.name`
  /// Lists the elements of a sequence; keys and values of a mapping in turn; what a persistent value is known by; of a made one
  /// the callable, its arguments and, where it has one, its state.
  std::vector<pickled_index> parts{};
};

/// Holds what a pickle describes. Values lie in one array and name each other by their places: those that hold each other, or
/// lie in each other a million deep, are nothing special.
struct pickle_tree {
  std::vector<pickled_value> values;
  pickled_index top = 0;
  std::size_t size = 0;  ///< the bytes that the pickle took

  [[nodiscard]] const pickled_value& operator[](pickled_index index) const { return values[index]; }

  /// Returns the value that a mapping has for a text, or null where there is none, or it is no mapping.
  [[nodiscard]] const pickled_value* find(const pickled_value& mapping, std::string_view key) const;
};

/// Reads the pickle at the beginning of `bytes` as a description: nothing is imported, nothing is called, whatever it asks for. Takes
/// the instructions that `torch.save` writes (protocols 2 to 5) and no others. Time and memory are proportional to the bytes.
/// Throws `dvar::input_error` when it ends early, holds an unknown instruction, takes what is not there, or has more than a million
/// values; the message names the file and the byte.
[[nodiscard]] pickle_tree read_pickle(std::string_view bytes, const std::filesystem::path& path);

}  // namespace dvar::weights
