#include "weights/torch_archive.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>

#include "error.hpp"
#include "weights/messages.hpp"

namespace dvar::weights {
namespace {

using namespace std::string_view_literals;

static_assert(std::endian::native == std::endian::little, "torch.save writes little-endian");

constexpr std::string_view zip_beginning = "PK\x03\x04"sv;
/// Is the number, pickled, with which PyTorch before 1.6 begins a file.
constexpr std::string_view legacy_beginning =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"sv;

/// Names a part of a file.
struct byte_range {
  std::size_t first = 0;
  std::size_t count = 0;
};

[[noreturn]] void refuse(const std::filesystem::path& path, std::string_view found) {
  throw input_error(
      fmt::format("{}: expected tensors as torch.save writes them, found {}", path.string(), found));
}

std::size_t checked_offset(const pickled_tensor& tensor, const byte_range& storage,
                           const std::filesystem::path& path) {
  const std::uint64_t bytes = static_cast<std::uint64_t>(tensor.stored) * size_of(tensor.type);
  if (bytes > storage.count) {
    refuse(path, fmt::format("the tensor {} with a storage of {} bytes instead of {}", in_quotes(tensor.name),
                             storage.count, bytes));
  }
  return storage.first;
}

/// Reads a mapped file for LibTorch's reader of archives.
class mapped_reader : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit mapped_reader(std::string_view bytes) : bytes_{bytes} {}
  std::size_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t position, void* target, std::size_t count, const char*) const override {
    const std::string_view part = position < bytes_.size() ? bytes_.substr(position, count) : ""sv;
    std::ranges::copy(part, static_cast<char*>(target));
    return part.size();
  }

 private:
  std::string_view bytes_;
};

/// Throws `dvar::input_error` unless the record that ends its header at `first` is stored as it is. LibTorch's reader says where a
/// record is, not whether it is compressed.
void require_uncompressed(std::string_view bytes, std::size_t first, const std::string& record,
                          const std::filesystem::path& path) {
  constexpr std::size_t header = 30, longest = 0x20000;
  const auto number = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) |
           static_cast<std::size_t>(static_cast<unsigned char>(bytes[at + 1])) << 8;
  };
  for (std::size_t back = header; back <= std::min(first, header + longest); ++back) {
    const std::size_t begin = first - back;
    if (bytes.substr(begin, zip_beginning.size()) != zip_beginning) continue;
    if (number(begin + 26) + number(begin + 28) + header != back) continue;
    if (number(begin + 8) == 0) return;
    break;
  }
  refuse(
      path,
      fmt::format(
          "{} compressed; unpack the archive and pack it without compression, or write it anew with torch.save",
          in_quotes(record)));
}

torch_archive read_zip(std::string_view bytes, const std::filesystem::path& path) {
  caffe2::serialize::PyTorchStreamReader reader{std::make_shared<mapped_reader>(bytes)};
  if (reader.hasRecord("constants.pkl")) refuse(path, "a TorchScript program");
  if (!reader.hasRecord("data.pkl")) refuse(path, "a zip archive of another kind");
  if (reader.hasRecord("byteorder")) {
    const auto [order, size] = reader.getRecord("byteorder");
    if (std::string_view{static_cast<const char*>(order.get()), size} != "little")
      refuse(path, "numbers of another byte order");
  }
  const auto [pickle, size] = reader.getRecord("data.pkl");
  torch_archive archive{
      .content = tensors_in(read_pickle({static_cast<const char*>(pickle.get()), size}, path), path),
      .storages = {}};
  std::map<std::string, byte_range> storages;
  for (const pickled_tensor& tensor : archive.content.tensors) {
    const auto [known, added] = storages.emplace(tensor.storage, byte_range{});
    if (added) {
      const std::string record = "data/" + tensor.storage;
      if (!reader.hasRecord(record))
        refuse(path,
               fmt::format("no {}, the storage of the tensor {}", in_quotes(record), in_quotes(tensor.name)));
      known->second = {.first = reader.getRecordOffset(record), .count = reader.getRecordSize(record)};
      const auto require = [&](bool holds) {
        if (!holds) refuse(path, fmt::format("{} beyond its end", in_quotes(record)));
      };
      require(known->second.first <= bytes.size());
      require_uncompressed(bytes, known->second.first, record, path);
      require(known->second.count <= bytes.size() - known->second.first);
    }
    archive.storages.push_back(checked_offset(tensor, known->second, path));
  }
  return archive;
}

/// Reads the form of PyTorch before 1.6: five pickles, then every storage as its length, in elements, and its numbers.
torch_archive read_legacy(std::string_view bytes, const std::filesystem::path& path) {
  std::size_t at = legacy_beginning.size();
  const auto next = [&] {
    pickle_tree tree = read_pickle(bytes.substr(at), path);
    at += tree.size;
    return tree;
  };
  next();  // the protocol's version
  const pickle_tree system = next();
  const pickled_value* const is_little = system.find(system[system.top], "little_endian");
  if (is_little == nullptr || is_little->integer == 0) refuse(path, "numbers of another byte order");
  torch_archive archive{.content = tensors_in(next(), path), .storages = {}};
  const pickle_tree keys = next();
  std::map<std::string, byte_range> storages;
  for (const pickled_index key : keys[keys.top].parts) {
    const auto type = archive.content.storages.find(keys[key].text);
    if (type == archive.content.storages.end())
      refuse(path, fmt::format("the storage {}, which no tensor has", in_quotes(keys[key].text)));
    std::uint64_t elements = 0;
    if (bytes.size() - at < sizeof(elements)) refuse(path, "its end before its last storage");
    std::memcpy(&elements, bytes.data() + at, sizeof(elements));
    at += sizeof(elements);
    const std::size_t size = size_of(type->second);
    if (elements > (bytes.size() - at) / size) refuse(path, "its end before its last number");
    const byte_range storage{.first = at, .count = static_cast<std::size_t>(elements) * size};
    storages.insert_or_assign(type->first, storage);
    at += storage.count;
  }
  for (const pickled_tensor& tensor : archive.content.tensors)
    archive.storages.push_back(checked_offset(tensor, storages[tensor.storage], path));
  return archive;
}

}  // namespace

bool is_torch_archive(std::string_view bytes) {
  return bytes.starts_with(zip_beginning) || bytes.starts_with(legacy_beginning);
}

torch_archive read_torch_archive(std::string_view bytes, const std::filesystem::path& path) {
  if (bytes.starts_with(legacy_beginning)) return read_legacy(bytes, path);
  try {
    return read_zip(bytes, path);
  } catch (const c10::Error& error) {
    // The first sentence says what is wrong, the others what it may come from.
    const std::string_view reason = error.what_without_backtrace();
    refuse(path,
           fmt::format("a damaged archive ({})", printable(reason.substr(0, reason.find_first_of(".\n")))));
  }
}

}  // namespace dvar::weights
