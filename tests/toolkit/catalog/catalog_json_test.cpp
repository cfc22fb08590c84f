#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/catalog/catalog_json.hpp>
#include <dvar/catalog/make_criterion.hpp>

namespace dvar {
namespace {

using testing::HasSubstr;

// That the whole is JSON is seen where it is parsed, in tests/bindings/python.

TEST(catalog_json_test, has_all_that_a_rule_says_of_itself) {
  EXPECT_THAT(catalog_json(),
              testing::StartsWith("{\"rules\":[{\"name\":\"variance_ratio\",\"aliases\":[\"dvar\"],"));
  EXPECT_THAT(catalog_json(),
              HasSubstr(R"("direction":false,"published":[{"name":"v1","options":)"
                        R"({"window":282,"threshold":0.39,"non_finite":"keep"}},{"name":"v2")"));
  EXPECT_THAT(
      catalog_json(),
      HasSubstr(R"({"name":"window","type":"whole_number","choices":[],"allowed":"at least 2","default":310,)"
                R"("required":false,"sentence":"N: how many of the latest observations are looked at"})"));
  EXPECT_THAT(catalog_json(),
              HasSubstr(R"({"name":"scale","type":"choice","choices":["absolute","relative"],)"
                        R"("allowed":"","default":"absolute")"));
  EXPECT_THAT(catalog_json(),
              HasSubstr(R"({"name":"baseline","type":"number","choices":[],"allowed":"finite",)"
                        R"("default":null,"required":false)"));
  EXPECT_THAT(catalog_json(), HasSubstr(R"("default":null,"required":true)"));
  EXPECT_THAT(catalog_json(), HasSubstr(R"("reported":["rolling_variance","total_variance","ratio"]})"));
  EXPECT_THAT(catalog_json(), HasSubstr(R"("directions":["minimize","maximize"])"));
}

TEST(catalog_json_test, has_every_rule_that_texts_have) {
  for (const std::string_view name : criterion_names())
    EXPECT_THAT(catalog_json(), HasSubstr('"' + std::string(name) + '"'));
}

TEST(catalog_json_test, has_the_combinators_in_the_order_in_which_texts_apply_them) {
  const std::string json = catalog_json();
  std::size_t position = json.find("\"combinators\":[");
  ASSERT_NE(position, std::string::npos);
  for (const char* const name : {"despiked", "every", "consecutive", "after"}) {
    position = json.find("{\"name\":\"" + std::string(name) + "\",\"type\":\"whole_number\"", position);
    ASSERT_NE(position, std::string::npos) << name;
  }
}

TEST(catalog_json_test, escapes_what_json_cannot_hold) {
  EXPECT_EQ(detail::json_string("a \"quoted\" back\\slash"), R"("a \"quoted\" back\\slash")");
  EXPECT_EQ(detail::json_string("line\nbell\x07/\x1f"), R"("line\u000abell\u0007/\u001f")");
  EXPECT_EQ(detail::json_string("\xc2\xb2"), "\"\xc2\xb2\"");
  const option_description number{.name = "x", .sentence = ""};
  EXPECT_EQ(detail::json_value(number, "1e-07"), "1e-07");
  EXPECT_EQ(detail::json_value(number, "-inf"), "\"-inf\"");
  EXPECT_EQ(detail::json_value(number, "nan"), "\"nan\"");
  EXPECT_EQ(detail::json_value(number, std::nullopt), "null");
}

}  // namespace
}  // namespace dvar
