// Files that were made to harm: each is refused within a second, with an error that names the file, and without
// allocating what it claims to need.
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>

#include <sys/resource.h>

#include "../files.hpp"
#include "weights/config.hpp"
#include "weights/file_mapping.hpp"
#include "weights/model_directory.hpp"
#include "weights/model_files.hpp"
#include "weights/tensor_file.hpp"

namespace {

using dvar::test::message_of;
using dvar::test::new_directory;
using dvar::test::put;
using dvar::weights::open_component;
using dvar::weights::read_json;
using dvar::weights::tensor_file;
using testing::AllOf;
using testing::HasSubstr;

/// Returns the bytes of address space that this process has.
rlim_t address_space() {
  std::ifstream status{"/proc/self/statm"};
  rlim_t pages = 0;
  status >> pages;
  return pages * 4096;
}

/// Lets the process take 64 MB more than it has, for as long as it lives: any larger allocation fails, and a failed
/// allocation is no input_error.
class little_memory {
 public:
  little_memory() {
    getrlimit(RLIMIT_AS, &before_);
#if !defined(__SANITIZE_ADDRESS__)  // whose shadow takes all address space there is
    rlimit limited = before_;
    limited.rlim_cur = address_space() + (rlim_t{64} << 20);
    setrlimit(RLIMIT_AS, &limited);
#endif
  }
  ~little_memory() { setrlimit(RLIMIT_AS, &before_); }
  little_memory(const little_memory&) = delete;
  little_memory& operator=(const little_memory&) = delete;

 private:
  rlimit before_{};
};

/// Returns the message of the error, which must come within a second and with little memory.
template <class Action>
std::string refusal_of(Action action) {
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  std::string message;
  {
    const little_memory limit;
    message = message_of(action);
  }
  EXPECT_LT(std::chrono::duration<double>(clock::now() - begin).count(), 1.0) << message;
  EXPECT_LT(message.size(), 1000U) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message;
}

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + rest;
}

std::string file_of(const std::string& header, std::size_t data_size = 0) {
  return with_length(header.size(), header + std::string(data_size, '\1'));
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

TEST(hostile_files_test, safetensors_that_claim_too_much) {
  const auto path = new_directory() / "model.safetensors";
  const auto tensor = [](const std::string& shape, const std::string& offsets) {
    return R"({"w":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  const std::vector<std::pair<std::string, std::string>> files{
      {"", "at least 8 bytes, found 0"},
      {with_length(std::uint64_t{1} << 63, "{}"), "found a length of 9223372036854775808"},
      {with_length(~std::uint64_t{0}, "{}"), "found a length of 18446744073709551615"},
      {with_length(99'999'999, "{}"), "expected a header of at most 2 bytes"},
      {with_length(0, ""), "expected JSON that begins with {, found nothing"},
      {file_of(tensor("[1099511627776]", "[0,4398046511104]")), "expected to end within the file's 0 bytes"},
      {file_of(tensor("[9223372036854775807,9223372036854775807]", "[0,4]"), 4),
       "the number of bytes overflows"},
      {file_of(tensor("[4611686018427387904]", "[0,0]")), "the number of bytes overflows"},
      {file_of(tensor("[0,4611686018427387904,8]", "[0,0]")), "the number of bytes overflows"},
      {file_of(tensor("[1]", "[18446744073709551612,18446744073709551616]"), 4),
       "data_offsets: expected two integers"},
      {file_of(tensor("[1]", "[18446744073709551612,0]"), 4), "expected to begin at 0"},
      {file_of(tensor("[2]", "[4,0]"), 8), "expected to begin at 0"},
      {file_of(tensor("[2]", "[0,4]"), 4), "expected 8 bytes for F32 [2]"},
      {file_of(tensor("[1]", "[0,4]"), 3), "expected to end within the file's 3 bytes"},
      {file_of(tensor("[1]", "[0,4]"), 5), "expected 4 bytes of data after the header, found 5"},
      {file_of(tensor("[1e400]", "[0,4]"), 4), "number overflow"},
      {file_of(tensor("[-1]", "[0,4]"), 4), "expected integers of 0 to 2^63-1"},
      {file_of(tensor(repeated("[", 1'000'000), "[0,4]"), 4),
       "expected integers of 0 to 2^63-1, found an array"},
      {file_of(repeated("{\"a\":", 1'000'000)), "expected the keys dtype, shape and data_offsets"},
      {file_of(tensor(repeated("1,", 1'000'000).insert(0, 1, '[') + "1]", "[0,8]"), 8),
       "expected 4 bytes for F32"},
      {file_of(R"({"w":{"dtype":")" + std::string(1'000'000, 'x') + R"(","shape":[],"data_offsets":[0,4]}})"),
       "dtype: expected one of"},
      {file_of("{\"" + std::string(1'000'000, 'x') + "\":1}"), "expected an object, found 1"},
      {file_of("{\"w\xff\":1}"), "invalid string"},
      {file_of(tensor("[1]", "[0,4]").replace(1, 3, "\"w\":1,\"w\""), 4), "expected an object"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
               R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
               6),
       "tensor \"b\": data_offsets: expected to begin at 4"}};
  for (const auto& [bytes, problem] : files) {
    put(path, bytes);
    EXPECT_THAT(refusal_of([&] { tensor_file file(path); }),
                AllOf(HasSubstr(path.string()), HasSubstr(problem)));
  }
}

TEST(hostile_files_test, a_hundred_thousand_tensors_without_a_byte) {
  // Nothing is wrong with them; opening stays proportional to the header.
  const auto path = new_directory() / "model.safetensors";
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i) {
    header +=
        (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  }
  put(path, file_of(header + "}"));
  EXPECT_EQ(tensor_file(path).names().size(), 100'000U);
}

TEST(hostile_files_test, checkpoints_of_thirty_thousand_blocks) {
  // The names are what the blocks of a network are found by: as many blocks as names, each a level of its own.
  const auto path = new_directory() / "model.safetensors";
  const auto configuration = new_directory() / "config";
  const std::vector<std::string> shapes{
      "model.diffusion_model.input_blocks.{}.0.in_layers.2.weight",
      "model.diffusion_model.input_blocks.{}.0.op.weight",
      "model.diffusion_model.output_blocks.{}.2.conv.weight",
      "first_stage_model.encoder.down.{}.block.0.conv1.weight",
      "first_stage_model.decoder.up.{}.upsample.conv.weight",
      "cond_stage_model.transformer.text_model.encoder.layers.{}.mlp.fc1.weight",
      "cond_stage_model.model.transformer.resblocks.{}.ln_1.weight"};
  constexpr int blocks = 30'000;
  for (const std::string& shape : shapes) {
    const std::size_t hole = shape.find("{}");
    std::string header = "{";
    const auto add = [&](const std::string& name) {
      header += (header.size() == 1 ? "\"" : ",\"") + name +
                R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
    };
    for (const char* part : {"model.diffusion_model.x", "first_stage_model.x", "cond_stage_model.x"})
      add(part);
    for (int i = 0; i < blocks; ++i)
      add(std::string{shape}.replace(hole, 2, std::to_string(i)));
    put(path, file_of(header + "}"));
    std::filesystem::create_directories(configuration);
    put(configuration / "vocab.json", "{}");
    const std::clock_t begin = std::clock();
    try {
      (void)dvar::weights::open_model_files(
          {.path = path, .configuration = configuration, .prediction = "epsilon"});
    } catch (const dvar::input_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path.string()));
    }
    // A loop over all blocks for every name would be 10^9 comparisons of strings.
    EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 1.0) << shape;
  }
}

TEST(hostile_files_test, json_of_any_kind) {
  const auto path = new_directory() / "config.json";
  const std::vector<std::pair<std::string, std::string>> files{
      {"", "unexpected end of input"},
      {repeated("[", 5'000'000), "expected at most 64 levels of nesting"},
      {repeated("{\"a\":", 1'000'000), "expected at most 64 levels of nesting"},
      {"{\"a\": 1" + std::string(1'000'000, '0') + "}", "number overflow"},
      {"{\"a\": 1e99999}", "number overflow"},
      {"{\"a\": -1e99999}", "number overflow"},
      {"{\"a\": \"\xc3\x28\"}", "invalid"},
      {"{\"a\": \"\xed\xa0\x80\"}", "invalid"},
      {"{\"a\": \"\\ud800\"}", "surrogate"},
      {"{\"a\": 1, \"a\": 2}", "the key \"a\" occurs twice"},
      {"{\"b\": {\"a\": 1, \"a\": 2}}", "the key \"a\" occurs twice"},
      {"{\"a\": 1} x", "invalid literal"},
      {"{\"a\": NaN}", "invalid literal"},
      {std::string("{\"a\": 1\0}", 9), "unexpected"},
      {std::string(1'000'000, '\0'), "unexpected end of input"},
      {"{\"" + std::string(1'000'000, 'k') + "\": 1, \"" + std::string(1'000'000, 'k') + "\": 1}",
       "occurs twice"}};
  for (const auto& [bytes, problem] : files) {
    put(path, bytes);
    EXPECT_THAT(refusal_of([&] { (void)read_json(path); }),
                AllOf(HasSubstr(path.string()), HasSubstr(problem)));
  }
}

TEST(hostile_files_test, an_index_of_shards_that_leads_elsewhere) {
  const auto directory = new_directory();
  put(directory / "config.json", "{}");
  const auto index = directory / "model.safetensors.index.json";
  for (const std::string shard : {"../w.safetensors", "/etc/passwd", "w.txt", "", "."}) {
    put(index, R"({"weight_map": {"w": ")" + shard + "\"}}");
    EXPECT_THAT(refusal_of([&] { (void)open_component(directory); }),
                AllOf(HasSubstr(index.string()),
                      HasSubstr("\"w\": expected the name of a .safetensors or .bin file")));
  }
  put(index, R"({"weight_map": {"w": "absent.safetensors"}})");
  EXPECT_THAT(refusal_of([&] { (void)open_component(directory); }),
              HasSubstr("absent.safetensors: cannot be opened"));
}

TEST(hostile_files_test, paths_that_are_no_models) {
  const auto directory = new_directory();
  const auto open = [](const std::filesystem::path& path) {
    return refusal_of([&] { (void)dvar::weights::open_model_files(path); });
  };
  EXPECT_THAT(open(directory / "nowhere"), AllOf(HasSubstr("nowhere"), HasSubstr("found nothing")));
  EXPECT_THAT(open(directory), HasSubstr("scheduler_config.json"));
  EXPECT_THAT(open("/dev/zero"), HasSubstr("expected a file"));
  put(directory / "model.safetensors", "words");
  EXPECT_THAT(open(directory / "model.safetensors"),
              HasSubstr("expected a safetensors file of at least 8 bytes"));
}

TEST(hostile_files_test, say_what_they_are_instead) {
  const auto directory = dvar::test::new_directory();
  const std::vector<std::pair<std::string, std::string>> instead{
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"},
      {"<!DOCTYPE html><html>", "an HTML page"},
      {"\n <HTML>", "an HTML page"},
      {"\x1f\x8b\x08 and so on", "a gzip archive"},
      {"\x80\x02}q and so on", "a Python pickle that is not one of torch.save"},
      {"GGUF and so on", "a GGUF file"}};
  for (const auto& [content, words] : instead) {
    dvar::test::put(directory / "a.safetensors", content);
    EXPECT_THAT(
        dvar::test::message_of([&] { dvar::weights::tensor_file{directory / "a.safetensors"}; }),
        testing::AllOf(
            testing::HasSubstr(
                "a.safetensors: expected a file of tensors (safetensors, or what torch.save writes), found " +
                words),
            testing::HasSubstr("; ")))
        << words;
  }
}

/// Reads beyond the end that a mapped file has got meanwhile.
void read_vanished(const std::filesystem::path& file) {
  dvar::weights::report_vanished_files();
  const dvar::weights::file_mapping mapping{file};
  std::filesystem::resize_file(file, 10);
  volatile char byte = mapping.bytes().back();
  static_cast<void>(byte);
}

TEST(hostile_files_death_test, that_become_shorter_while_they_are_read_are_named) {
  const auto file = dvar::test::new_directory() / "shrinks";
  dvar::test::put(file, std::string(100'000, 'x'));
  EXPECT_EXIT(read_vanished(file), testing::ExitedWithCode(1), "dvar: .*shrinks: a file became shorter");
}

}  // namespace
