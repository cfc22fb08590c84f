#include "weights/safetensors.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <random>

#include "../files.hpp"
#include "weights/tensor_file.hpp"

namespace {

using dvar::test::contents;
using dvar::test::message_of;
using dvar::test::new_directory;
using dvar::test::put;
using dvar::weights::tensor_file;
using dvar::weights::write_safetensors;
using testing::ElementsAre;
using testing::HasSubstr;

std::string length_prefix(std::uint64_t length) {
  return {reinterpret_cast<const char*>(&length), sizeof length};
}

std::string safetensors_of(const std::string& header, std::size_t data_size) {
  return length_prefix(header.size()) + header + std::string(data_size, '\1');
}

/// Returns the message with which a file of these bytes is refused, without its path.
std::string refusal_of_bytes(const std::string& bytes) {
  const auto path = new_directory() / "file.safetensors";
  put(path, bytes);
  const auto message = message_of([&] { tensor_file file(path); });
  EXPECT_THAT(message, testing::StartsWith(path.string() + ": "));
  return message.substr(std::min(message.size(), path.string().size() + 2));
}

std::map<std::string, at::Tensor> one_of_each() {
  std::map<std::string, at::Tensor> tensors;
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                           at::kChar, at::kByte}) {
    tensors[dvar::weights::to_string(dtype)] = at::arange(-3, 3).reshape({2, 3}).to(dtype);
  }
  tensors["BOOL"] = at::tensor({1, 0, 1}, at::kInt).to(at::kBool);
  tensors["scalar"] = at::full({}, 7.5);
  tensors["empty"] = at::empty({0, 4});
  return tensors;
}

TEST(safetensors_test, released_bytes_are_read_again) {
  const auto path = new_directory() / "file.safetensors";
  // Pages of its own, and pages that it shares with its neighbors.
  const std::map<std::string, at::Tensor> tensors{
      {"a", at::arange(5)}, {"b", at::arange(100'000)}, {"c", at::arange(7)}};
  write_safetensors(path, tensors);
  const tensor_file file(path);
  const at::Tensor view = file.tensor("b");
  EXPECT_TRUE(at::equal(view, tensors.at("b")));
  file.release("b");
  for (const auto& [name, tensor] : tensors)
    EXPECT_TRUE(at::equal(file.tensor(name), tensor)) << name;
  EXPECT_TRUE(at::equal(view, tensors.at("b")));
  EXPECT_NE(message_of([&] { file.release("d"); }).find("\"d\""), std::string::npos);
}

TEST(safetensors_test, gives_back_every_dtype_and_shape) {
  const auto path = new_directory() / "file.safetensors";
  const auto tensors = one_of_each();
  write_safetensors(path, tensors, {{"format", "pt"}, {"k\"ey", "välue\n"}});
  const tensor_file file(path);
  EXPECT_EQ(file.path(), path);
  EXPECT_EQ(file.names().size(), tensors.size());
  EXPECT_THAT(file.metadata(), ElementsAre(testing::Pair("format", "pt"), testing::Pair("k\"ey", "välue\n")));
  for (const auto& [name, tensor] : tensors) {
    ASSERT_TRUE(file.contains(name)) << name;
    EXPECT_EQ(file.info(name).dtype, tensor.scalar_type()) << name;
    EXPECT_EQ(file.info(name).shape, tensor.sizes().vec()) << name;
    EXPECT_EQ(file.tensor(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(file.tensor(name), tensor)) << name;
  }
}

TEST(safetensors_test, writes_strided_and_trained_tensors_contiguously) {
  const auto path = new_directory() / "file.safetensors";
  const auto transposed = at::arange(6, at::kFloat).reshape({2, 3}).t();
  const auto trained = at::ones({2}).requires_grad_();
  write_safetensors(path, {{"transposed", transposed}, {"trained", trained}});
  const tensor_file file(path);
  EXPECT_TRUE(at::equal(file.tensor("transposed"), transposed));
  EXPECT_TRUE(at::equal(file.tensor("trained"), trained.detach()));
}

TEST(safetensors_test, depends_on_its_arguments_alone) {
  const auto directory = new_directory();
  write_safetensors(directory / "a", one_of_each(), {{"x", "1"}, {"a", "2"}});
  write_safetensors(directory / "b", one_of_each(), {{"a", "2"}, {"x", "1"}});
  EXPECT_EQ(contents(directory / "a"), contents(directory / "b"));
}

TEST(safetensors_test, maps_without_a_copy_and_outlives_the_file_object) {
  const auto path = new_directory() / "file.safetensors";
  write_safetensors(path, {{"a", at::arange(4, at::kFloat)}});
  at::Tensor first;
  {
    const tensor_file file(path);
    first = file.tensor("a");
    EXPECT_EQ(first.data_ptr(), file.tensor("a").data_ptr());
  }
  write_safetensors(path, {{"a", at::zeros({4})}});  // replaced by a rename: the mapping keeps the old file
  EXPECT_TRUE(at::equal(first, at::arange(4, at::kFloat)));
}

TEST(safetensors_test, copies_data_that_the_file_does_not_align) {
  const auto path = new_directory() / "file.safetensors";
  const std::array<float, 2> values{1.5F, -2.0F};
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  put(path, length_prefix(header.size()) + header + "x" +
                std::string(reinterpret_cast<const char*>(values.data()), sizeof values));
  const tensor_file file(path);
  const auto b = file.tensor("b");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data_ptr()) % alignof(float), 0U);
  EXPECT_TRUE(at::equal(b, at::tensor({1.5F, -2.0F})));
}

TEST(safetensors_test, reads_any_byte_but_zero_as_true) {
  const auto path = new_directory() / "file.safetensors";
  const std::string header = R"({"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})";
  put(path, length_prefix(header.size()) + header + std::string("\x02\x00\xff", 3));
  EXPECT_EQ(tensor_file(path).tensor("a").sum().item<std::int64_t>(), 2);
}

TEST(safetensors_test, accepts_empty_files_of_the_format_and_padded_headers) {
  const auto path = new_directory() / "file.safetensors";
  put(path, safetensors_of("{}      ", 0));
  EXPECT_TRUE(tensor_file(path).names().empty());
  write_safetensors(path, {});
  EXPECT_TRUE(tensor_file(path).names().empty());
}

TEST(safetensors_test, names_a_tensor_that_is_not_there) {
  const auto path = new_directory() / "file.safetensors";
  write_safetensors(path, {{"a", at::zeros({1})}});
  EXPECT_EQ(message_of([&] { (void)tensor_file(path).tensor("b"); }),
            path.string() + ": expected a tensor \"b\", found none");
}

TEST(safetensors_test, refuses_to_write_what_the_format_lacks) {
  const auto path = new_directory() / "file.safetensors";
  EXPECT_THAT(
      message_of([&] { write_safetensors(path, {{"a", at::zeros({1}, at::kComplexFloat)}}); }),
      HasSubstr("tensor \"a\": expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL, found ComplexFloat"));
  EXPECT_THAT(message_of([&] { write_safetensors(path, {{"__metadata__", at::zeros({1})}}); }),
              HasSubstr("__metadata__"));
  EXPECT_THAT(message_of([&] { write_safetensors(path, {{"\xff", at::zeros({1})}}); }),
              HasSubstr("expected UTF-8"));
  EXPECT_THAT(message_of([&] { write_safetensors(path, {}, {{"key", "\xff"}}); }),
              HasSubstr("expected UTF-8"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(safetensors_test, refuses_files_that_are_too_short_or_not_of_the_format) {
  EXPECT_THAT(refusal_of_bytes(""), HasSubstr("at least 8 bytes, found 0"));
  EXPECT_THAT(refusal_of_bytes("1234567"), HasSubstr("at least 8 bytes, found 7"));
  EXPECT_THAT(refusal_of_bytes(length_prefix(0)), HasSubstr("found nothing"));
  EXPECT_THAT(refusal_of_bytes(length_prefix(1)), HasSubstr("at most 0 bytes, found a length of 1"));
  EXPECT_THAT(refusal_of_bytes(length_prefix(1ULL << 63) + "{}"),
              HasSubstr("found a length of 9223372036854775808"));
  EXPECT_THAT(refusal_of_bytes(length_prefix(~0ULL) + "{}"),
              HasSubstr("found a length of 18446744073709551615"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of(" {}", 0)), HasSubstr("begins with {, found \" \""));
  EXPECT_THAT(refusal_of_bytes(safetensors_of("[]", 0)), HasSubstr("begins with {, found \"[\""));
  EXPECT_THAT(refusal_of_bytes("PK\3\4 this is a zip file"),
              HasSubstr("expected tensors as torch.save writes them, found a damaged archive"));
  const auto missing = new_directory() / "missing";
  EXPECT_EQ(message_of([&] { tensor_file file(missing); }),
            missing.string() + ": cannot be opened: No such file or directory");
}

TEST(safetensors_test, refuses_bad_json) {
  EXPECT_THAT(refusal_of_bytes(safetensors_of("{", 0)), HasSubstr("header: parse error"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of("{} {}", 0)), HasSubstr("header: parse error"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of(std::string("{}\0{", 4), 0)), HasSubstr("zero byte"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of("{\"\xff\":1}", 0)), HasSubstr("header: parse error"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of(R"({"a":)" + std::string(1'000'000, '['), 0)),
              HasSubstr("\"a\": expected an object, found an array"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of(R"({"a":)" + std::string(1'000'000, '{'), 0)),
              HasSubstr("parse error"));
}

TEST(safetensors_test, refuses_headers_of_another_structure) {
  const auto with = [](const std::string& entry) {
    return refusal_of_bytes(safetensors_of("{\"a\":" + entry + "}", 4));
  };
  EXPECT_THAT(with("1"), HasSubstr("\"a\": expected an object, found 1"));
  EXPECT_THAT(with("{}"), HasSubstr("tensor \"a\": the key \"dtype\" is missing"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[1]})"), HasSubstr("the key \"data_offsets\" is missing"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})"),
              HasSubstr("expected the keys dtype, shape and data_offsets, found \"x\""));
  EXPECT_THAT(with(R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})"),
              HasSubstr("dtype: expected a string, found 4"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})"),
              HasSubstr("shape: expected an array of integers, found 1"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"),
              HasSubstr("shape: expected integers of 0 to 2^63-1, found -1"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})"), HasSubstr("found 1.0"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})"), HasSubstr("found an array"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]})"),
              HasSubstr("found 9223372036854775808"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})"), HasSubstr("two integers"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})"), HasSubstr("found 8"));
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[1],"data_offsets":[0,1e99]})"), HasSubstr("found 1e99"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of(R"({"__metadata__":{"k":1}})", 0)),
              HasSubstr("__metadata__: \"k\": expected a string, found 1"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of(R"({"__metadata__":[]})", 0)),
              HasSubstr("expected an object, found an array"));
}

TEST(safetensors_test, refuses_dtypes_that_it_lacks_by_name) {
  for (const std::string dtype : {"F8_E4M3", "U64", "C64", "f32", ""}) {
    EXPECT_THAT(
        refusal_of_bytes(
            safetensors_of(R"({"a":{"dtype":")" + dtype + R"(","shape":[1],"data_offsets":[0,4]}})", 4)),
        HasSubstr("tensor \"a\": dtype: expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL, found \"" +
                  dtype + "\""));
  }
}

TEST(safetensors_test, refuses_keys_that_occur_twice) {
  const std::string tensor = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_THAT(refusal_of_bytes(safetensors_of("{\"a\":" + tensor + ",\"a\":" + tensor + "}", 4)),
              HasSubstr("the key \"a\" occurs twice"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of(
                  R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4)),
              HasSubstr("tensor \"a\": the key \"dtype\" occurs twice"));
  EXPECT_THAT(refusal_of_bytes(safetensors_of(R"({"__metadata__":{"k":"1","k":"2"}})", 0)),
              HasSubstr("__metadata__: the key \"k\" occurs twice"));
}

TEST(safetensors_test, refuses_offsets_that_do_not_tile_the_data) {
  const auto two = [](const std::string& a, const std::string& b, std::size_t size) {
    const std::string entry = R"({"dtype":"F32","shape":[1],"data_offsets":)";
    return refusal_of_bytes(safetensors_of("{\"a\":" + entry + a + "},\"b\":" + entry + b + "}}", size));
  };
  EXPECT_THAT(two("[0,4]", "[2,6]", 6),
              HasSubstr("tensor \"b\": data_offsets: expected to begin at 4"));  // overlap
  EXPECT_THAT(two("[0,4]", "[0,4]", 4),
              HasSubstr("expected to begin at 4, where the tensor before ends, found 0"));
  EXPECT_THAT(two("[0,4]", "[5,9]", 9), HasSubstr("found 5"));  // hole
  EXPECT_THAT(two("[4,8]", "[8,12]", 12), HasSubstr("tensor \"a\": data_offsets: expected to begin at 0"));
  EXPECT_THAT(two("[0,4]", "[4,9]", 9),
              HasSubstr("expected 4 bytes for F32 [1], found [4, 9]"));  // wrong size
  EXPECT_THAT(two("[0,4]", "[4,2]", 8), HasSubstr("found [4, 2]"));      // end before begin
  EXPECT_THAT(two("[0,4]", "[4,8]", 7),
              HasSubstr("within the file's 7 bytes of data, found 8"));  // past the end
  EXPECT_THAT(two("[0,4]", "[4,8]", 9), HasSubstr("expected 8 bytes of data after the header, found 9"));
  EXPECT_THAT(two("[0,4]", "[4,18446744073709551615]", 8), HasSubstr("found [4, 18446744073709551615]"));
}

TEST(safetensors_test, refuses_shapes_whose_size_overflows) {
  const auto with = [](const std::string& shape) {
    return refusal_of_bytes(
        safetensors_of(R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,0]}})", 0));
  };
  EXPECT_THAT(with("[4294967296,4294967296]"), HasSubstr("overflows"));
  EXPECT_THAT(with("[9223372036854775807]"), HasSubstr("overflows"));
  EXPECT_THAT(with("[0,4611686018427387904,4]"), HasSubstr("overflows"));
}

TEST(safetensors_test, shows_hostile_names_on_one_short_line) {
  const auto message =
      refusal_of_bytes(safetensors_of("{\"\\n\\u001b[31m" + std::string(100'000, 'x') + "\":1}", 0));
  EXPECT_THAT(message, testing::Not(HasSubstr("\n")));
  EXPECT_THAT(message, testing::Not(HasSubstr("\x1b")));
  EXPECT_LT(message.size(), 250U);
}

TEST(safetensors_test, refuses_a_file_cut_anywhere) {
  const auto path = new_directory() / "file.safetensors";
  write_safetensors(path, one_of_each(), {{"format", "pt"}});
  const auto whole = contents(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put(path, std::string_view(whole).substr(0, size));
    EXPECT_THROW(tensor_file file(path), dvar::input_error) << size;
  }
}

TEST(safetensors_test, survives_changed_bytes_in_the_header) {
  const auto path = new_directory() / "file.safetensors";
  write_safetensors(path, one_of_each(), {{"format", "pt"}});
  const auto whole = contents(path);
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, whole.data(), sizeof header_size);
  std::mt19937 random(1);
  int refused = 0;
  for (int trial = 0; trial < 5000; ++trial) {
    auto changed = whole;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      changed[random() % (8 + header_size)] =
          static_cast<char>(random() % 2 == 0 ? random() : '0' + random() % 10);
    }
    put(path, changed);
    try {
      const tensor_file file(path);
      for (const auto& name : file.names())
        EXPECT_TRUE(file.tensor(name).defined());
    } catch (const dvar::input_error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 3000);
}

TEST(require_finite_test, names_file_and_tensor) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    const at::Tensor numbers = torch::ones({3, 5}).to(type);
    EXPECT_NO_THROW(dvar::weights::require_finite(numbers, "a.safetensors", "<cat>"));
    for (const double wrong : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      at::Tensor poisoned = numbers.clone();
      poisoned[1][2] = wrong;
      EXPECT_EQ(
          dvar::test::message_of([&] { dvar::weights::require_finite(poisoned, "a.safetensors", "<cat>"); }),
          "a.safetensors: tensor \"<cat>\": expected finite numbers, found 1 of 15 that are not");
    }
  }
  EXPECT_NO_THROW(dvar::weights::require_finite(torch::zeros({0}), "a", "b"));
  EXPECT_NO_THROW(dvar::weights::require_finite(torch::tensor({1, 2}), "a", "b"));
}

}  // namespace
