#include "reporting/terminal.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace dvar::reporting {
namespace {

/// Has the variables of the locale as told, and as they were when it ends.
class terminal_test : public testing::Test {
 protected:
  terminal_test() {
    for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
      if (const char* const value = std::getenv(name)) before_.emplace_back(name, value);
      ::unsetenv(name);
    }
  }
  ~terminal_test() override {
    for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"})
      ::unsetenv(name);
    for (const auto& [name, value] : before_)
      ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  std::vector<std::pair<std::string, std::string>> before_;
};

TEST_F(terminal_test, no_locale_is_ascii) {
  EXPECT_FALSE(locale_has_utf8());
  ::setenv("LANG", "C", 1);
  EXPECT_FALSE(locale_has_utf8());
  ::setenv("LC_ALL", "POSIX", 1);
  EXPECT_FALSE(locale_has_utf8());
}

TEST_F(terminal_test, knows_the_locale_that_every_system_has) {
  ::setenv("LANG", "C.UTF-8", 1);
  EXPECT_TRUE(locale_has_utf8());
}

TEST_F(terminal_test, takes_a_locale_that_is_not_installed_by_its_name) {
  ::setenv("LANG", "xx_XX.UTF-8", 1);
  EXPECT_TRUE(locale_has_utf8());
  ::setenv("LANG", "xx_XX.utf8@euro", 1);
  EXPECT_TRUE(locale_has_utf8());
  ::setenv("LANG", "xx_XX.ISO-8859-1", 1);
  EXPECT_FALSE(locale_has_utf8());
}

TEST_F(terminal_test, ranks_the_variables_as_posix_does) {
  ::setenv("LANG", "C.UTF-8", 1);
  ::setenv("LC_CTYPE", "C", 1);
  EXPECT_FALSE(locale_has_utf8());
  ::setenv("LC_ALL", "C.UTF-8", 1);
  EXPECT_TRUE(locale_has_utf8());
  ::setenv("LC_ALL", "", 1);
  EXPECT_FALSE(locale_has_utf8());
}

TEST_F(terminal_test, a_file_has_the_columns_of_a_page) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::tmpfile(), &std::fclose};
  EXPECT_EQ(columns_of_terminal(file.get()), 80U);
}

}  // namespace
}  // namespace dvar::reporting
