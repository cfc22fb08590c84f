#pragma once

#include <filesystem>
#include <string_view>

namespace dvar::weights {

/// Throws `dvar::input_error` when a file's content is of a kind that is often found in the place of another one: it says what it
/// is, what was expected, and what to do. Of such kinds are a pointer of Git LFS, an HTML page, an archive and a pickle.
void refuse_foreign_format(std::string_view content, const std::filesystem::path& path,
                           std::string_view expected);

}  // namespace dvar::weights
