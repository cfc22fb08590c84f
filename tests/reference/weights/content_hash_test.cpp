#include "weights/content_hash.hpp"

#include <gtest/gtest.h>

#include "../files.hpp"

namespace dvar::weights {
namespace {

// python3 -c "
// h = 0xcbf29ce484222325
// for b in b'foobar': h = (h ^ b) * 0x100000001b3 % 2**64
// print('%016x' % h)"
TEST(content_hash_test, is_fnv_1a) {
  content_hash hash;
  hash.add("foo");
  hash.add("bar");
  EXPECT_EQ(hash.text(), "85944171f73967e8");
}

TEST(content_hash_test, of_a_small_file_is_of_all_its_bytes) {
  const std::filesystem::path file = test::new_directory() / "file";
  std::string bytes(10'000, 'x');
  test::put(file, bytes);
  const std::string before = hash_of_files({file}, hashed_part::samples);
  bytes[7777] = 'y';
  test::put(file, bytes);
  EXPECT_NE(hash_of_files({file}, hashed_part::samples), before);
}

TEST(content_hash_test, of_a_large_file_takes_samples_unless_all_is_asked_for) {
  const std::filesystem::path file = test::new_directory() / "file";
  std::string bytes(70'000'000, 'x');
  test::put(file, bytes);
  const std::string samples = hash_of_files({file}, hashed_part::samples);
  const std::string whole = hash_of_files({file}, hashed_part::whole);
  // Between two pages that are samples.
  bytes[(1 << 20) + 5000] = 'y';
  test::put(file, bytes);
  EXPECT_EQ(hash_of_files({file}, hashed_part::samples), samples);
  EXPECT_NE(hash_of_files({file}, hashed_part::whole), whole);
  bytes.back() = 'y';
  test::put(file, bytes);
  EXPECT_NE(hash_of_files({file}, hashed_part::samples), samples);
}

}  // namespace
}  // namespace dvar::weights
