#include "weights/config.hpp"

#include "../files.hpp"

namespace {

using dvar::test::message_of;
using dvar::test::new_directory;
using dvar::test::put;
using dvar::weights::config_reader;
using dvar::weights::read_json;
using testing::ElementsAre;
using testing::HasSubstr;

config_reader example() {
  return {nlohmann::json::parse(
              R"({"flag": true, "count": 3, "rate": 0.5, "name": "x", "none": null, "sizes": [1, 2],
                                    "mixed": [1, 2.5], "nested": {"key": -1}, "big": 9223372036854775808})"),
          "config.json"};
}

TEST(config_test, gives_values_of_every_type) {
  const auto config = example();
  EXPECT_TRUE(config.get<bool>("flag"));
  EXPECT_EQ(config.get<std::int64_t>("count"), 3);
  EXPECT_EQ(config.get<double>("rate"), 0.5);
  EXPECT_EQ(config.get<double>("count"), 3.0);
  EXPECT_EQ(config.get<std::string>("name"), "x");
  EXPECT_THAT(config.get<std::vector<std::int64_t>>("sizes"), ElementsAre(1, 2));
  EXPECT_THAT(config.get<std::vector<double>>("mixed"), ElementsAre(1.0, 2.5));
  EXPECT_EQ(config.object("nested").get<std::int64_t>("key"), -1);
}

TEST(config_test, takes_the_fallback_for_an_absent_key_and_for_null) {
  EXPECT_EQ(example().get_or<std::int64_t>("absent", 7), 7);
  EXPECT_EQ(example().get_or<std::int64_t>("none", 7), 7);
  EXPECT_EQ(example().get_or<std::int64_t>("count", 7), 3);
  EXPECT_FALSE(example().contains("none"));
  EXPECT_EQ(example().find<bool>("absent"), std::nullopt);
}

TEST(config_test, names_file_key_expected_and_found) {
  const auto config = example();
  EXPECT_EQ(message_of([&] { (void)config.get<std::int64_t>("rate"); }),
            R"(config.json: "rate": expected an integer, found 0.5)");
  EXPECT_EQ(message_of([&] { (void)config.get<std::int64_t>("flag"); }),
            R"(config.json: "flag": expected an integer, found true)");
  EXPECT_EQ(message_of([&] { (void)config.get<std::int64_t>("big"); }),
            R"(config.json: "big": expected an integer, found 9223372036854775808)");
  EXPECT_EQ(message_of([&] { (void)config.get<bool>("count"); }),
            R"(config.json: "count": expected true or false, found 3)");
  EXPECT_EQ(message_of([&] { (void)config.get<std::string>("absent"); }),
            R"(config.json: "absent": expected a string, found nothing)");
  EXPECT_EQ(message_of([&] { (void)config.get<std::string>("none"); }),
            R"(config.json: "none": expected a string, found null)");
  EXPECT_EQ(message_of([&] { (void)config.get<std::vector<std::int64_t>>("mixed"); }),
            R"(config.json: "mixed": expected an array of integers, found [1,2.5])");
  EXPECT_EQ(message_of([&] { (void)config.get_or<std::string>("count", ""); }),
            R"(config.json: "count": expected a string, found 3)");
  EXPECT_EQ(message_of([&] { (void)config.object("nested").get<std::string>("key"); }),
            R"(config.json: "nested": "key": expected a string, found -1)");
  EXPECT_EQ(message_of([&] { (void)config.object("sizes"); }),
            R"(config.json: "sizes": expected an object, found [1,2])");
}

TEST(config_test, refuses_a_file_without_an_object) {
  const auto path = new_directory() / "config.json";
  put(path, "[1]");
  EXPECT_EQ(message_of([&] { config_reader reader(path); }),
            path.string() + ": expected an object, found [1]");
}

TEST(config_test, reads_the_infinities_that_python_writes) {
  const auto path = new_directory() / "config.json";
  put(path, R"({"least": -Infinity, "greatest": [Infinity], "text": "a \" Infinity", "Infinity": 1})");
  const config_reader config(path);
  EXPECT_EQ(config.get<double>("least"), std::numeric_limits<double>::lowest());
  EXPECT_EQ(config.get<std::vector<double>>("greatest").front(), std::numeric_limits<double>::max());
  EXPECT_EQ(config.get<std::string>("text"), "a \" Infinity");
  EXPECT_EQ(config.get<std::int64_t>("Infinity"), 1);
}

TEST(config_test, refuses_numbers_that_no_double_holds) {
  const auto path = new_directory() / "config.json";
  for (const std::string number : {"1e999", "-1e999", "NaN", "0x10"}) {
    put(path, "{\"a\": " + number + "}");
    EXPECT_THAT(message_of([&] { (void)read_json(path); }), HasSubstr(path.string() + ": ")) << number;
  }
}

TEST(config_test, says_where_json_is_malformed) {
  const auto path = new_directory() / "config.json";
  put(path, "{\n  \"a\": 1,\n  \"b\": oops\n}");
  EXPECT_THAT(message_of([&] { (void)read_json(path); }),
              HasSubstr(path.string() + ": parse error at line 3, column 8"));
  put(path, "");
  EXPECT_THAT(message_of([&] { (void)read_json(path); }), HasSubstr("line 1, column 1"));
  put(path, "{} {}");
  EXPECT_THAT(message_of([&] { (void)read_json(path); }), HasSubstr("line 1, column 4"));
}

TEST(config_test, refuses_a_key_that_occurs_twice_in_one_object) {
  const auto path = new_directory() / "config.json";
  put(path, R"({"a": {"x": 1}, "b": {"x": 2, "x": 3}})");
  EXPECT_EQ(message_of([&] { (void)read_json(path); }), path.string() + R"(: the key "x" occurs twice)");
  put(path, R"({"a": {"x": 1}, "b": {"x": 2}})");
  EXPECT_EQ(read_json(path).at("b").at("x"), 2);
}

TEST(config_test, refuses_deep_nesting_and_missing_files) {
  const auto path = new_directory() / "config.json";
  put(path, std::string(1'000'000, '['));
  EXPECT_THAT(message_of([&] { (void)read_json(path); }), HasSubstr("64 levels"));
  EXPECT_EQ(message_of([&] { (void)read_json(path.parent_path() / "no"); }),
            (path.parent_path() / "no").string() + ": cannot be opened: No such file or directory");
  EXPECT_EQ(message_of([&] { (void)read_json(path.parent_path()); }),
            path.parent_path().string() + ": expected a file, found a directory");
}

}  // namespace
