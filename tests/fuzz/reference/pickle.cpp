// A pickle of torch.save: any bytes are refused with an input_error, or are tensors that lie within their storages.

#include <algorithm>
#include <string_view>

#include "../target.hpp"
#include "error.hpp"
#include "weights/pickled_tensors.hpp"

namespace {

using namespace std::string_literals;

bool is_one_line(std::string_view message) {
  return !message.empty() && message.size() < 2000 && message.find('\n') == std::string_view::npos;
}

/// Returns the pickle of a tensor of two by three, as torch.save writes it.
std::string tensor() {
  return "ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\0\0\0storageq\x03"
         "ctorch\nFloatStorage\nq\x04X\x01\0\0\0"
         "0q\x05X\x03\0\0\0cpuq\x06K\x06tq\x07QK\0K\x02K\x03\x86q\x08K\x03K\x01\x86q\x09\x89"
         "ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0d"s;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dvar::weights;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  try {
    const pickle_tree tree = read_pickle(bytes, "FILE");
    dvar::fuzz::expect(tree.size <= size && tree.values.size() <= size, "a value takes a byte at least");
    for (const pickled_value& value : tree.values)
      for (const pickled_index part : value.parts)
        dvar::fuzz::expect(part < tree.values.size(), "parts are values");
    const pickled_tensors found = tensors_in(tree, "FILE");
    for (const pickled_tensor& tensor : found.tensors) {
      dvar::fuzz::expect(tensor.shape.size() == tensor.strides.size(), "a size has a stride");
      dvar::fuzz::expect(tensor.offset >= 0 && tensor.extent() >= 0 && tensor.stored >= tensor.extent() &&
                             tensor.offset <= tensor.stored - tensor.extent(),
                         "a tensor lies within its storage");
      dvar::fuzz::expect(std::ranges::all_of(tensor.shape, [](std::int64_t n) { return n >= 0; }), "sizes");
      dvar::fuzz::expect(found.storages.contains(tensor.storage), "a storage has a type");
    }
  } catch (const dvar::input_error& error) {
    dvar::fuzz::expect(is_one_line(error.what()), "a message is one line");
  }
  return 0;
}

std::vector<std::string> dvar::fuzz::seeds() {
  const std::string begin = "\x80\x02}q\x00("s;
  const std::string name = "X\x01\0\0\0w"s;
  return {
      begin + name + tensor() + "u.",
      begin + "X\x0a\0\0\0state_dict"s + "}q\x01(" + name + tensor() + "uX\x04\0\0\0stepM\x10\x27u."s,
      begin + name + "ctorch._utils\n_rebuild_parameter\n(" + tensor() + "\x88N" + "tRu."s,
      "\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94\x8c\x01"
      "a\x94]\x94(G?\xf0\0\0\0\0\0\0K\x01\x8a\x01\xffNes."s,
      begin + name + "cposix\nsystem\nX\x02\0\0\0ls\x85R" + "u."s,
      "\x80\x02]q\x00h\x00"
      "a."s,
      "\x80\x02((((((((((",
      "",
  };
}
