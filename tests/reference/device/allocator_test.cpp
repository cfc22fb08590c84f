#include <cstdlib>
#include <string_view>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar {
namespace {

using ::testing::HasSubstr;

/// Returns the file of the library that answers calls of a function.
std::string_view library_of(const char* function) {
  Dl_info info{};
  void* const found = dlsym(RTLD_DEFAULT, function);
  return found != nullptr && dladdr(found, &info) != 0 ? info.dli_fname : "none";
}

// All of them, or memory of one allocator would be given back to another.
TEST(allocator_test, is_the_one_that_programs_are_linked_with) {
  for (const char* const function :
       {"malloc", "calloc", "realloc", "free", "posix_memalign", "_Znwm", "_ZdlPv"})
    EXPECT_THAT(library_of(function), HasSubstr("tcmalloc")) << function;
}

}  // namespace
}  // namespace dvar
