// The header of a safetensors file: any bytes are refused with an input_error, or are tensors that fill the file.

#include "weights/safetensors_header.hpp"

#include <cstring>
#include <string_view>

#include "../target.hpp"
#include "error.hpp"

namespace {

std::string file_of(std::string_view header, std::size_t data) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + std::string{header} + std::string(data, 'x');
}

bool is_one_line(std::string_view message) {
  return !message.empty() && message.size() < 2000 && message.find('\n') == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dvar::weights;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  safetensors_header header;
  try {
    header = parse_safetensors_header(bytes, "FILE");
  } catch (const dvar::input_error& error) {
    dvar::fuzz::expect(is_one_line(error.what()), "a message is one line");
    return 0;
  }
  std::uint64_t position = 0;
  for (const tensor_entry& tensor : header.tensors) {
    dvar::fuzz::expect(tensor.begin == position && tensor.end >= position, "tensors follow each other");
    std::uint64_t bytes_of_tensor = size_of(tensor.type);
    for (const std::int64_t extent : tensor.shape)
      bytes_of_tensor *= static_cast<std::uint64_t>(extent);
    dvar::fuzz::expect(tensor.end - tensor.begin == bytes_of_tensor,
                       "a tensor's bytes are those of its shape");
    position = tensor.end;
  }
  dvar::fuzz::expect(header.data_begin + position == size, "tensors end where the file does");

  const std::string again = file_of(format_safetensors_header(header, "FILE"), position);
  const safetensors_header read = parse_safetensors_header(again, "FILE");
  dvar::fuzz::expect(read.tensors.size() == header.tensors.size() && read.metadata == header.metadata,
                     "what is written is read");
  for (std::size_t i = 0; i < read.tensors.size(); ++i) {
    dvar::fuzz::expect(read.tensors[i].name == header.tensors[i].name &&
                           read.tensors[i].type == header.tensors[i].type &&
                           read.tensors[i].shape == header.tensors[i].shape,
                       "what is written is read");
  }
  return 0;
}

std::vector<std::string> dvar::fuzz::seeds() {
  return {
      file_of(R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
      file_of(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
              R"("b":{"dtype":"BF16","shape":[0,4],"data_offsets":[8,8]},)"
              R"("c":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]}}   )",
              11),
      file_of(
          R"({"w":{"dtype":"F64","shape":[9223372036854775807,2],"data_offsets":[0,18446744073709551615]}})",
          4),
      file_of(R"({"\u00e4\"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
      file_of("{}", 0),
      file_of("[[[[", 0),
      std::string(8, '\xff'),
      "",
  };
}
