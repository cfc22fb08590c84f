#include "data/picture_folder.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "data/captions.hpp"
#include "data/mask.hpp"
#include "data/picture_format.hpp"
#include "error.hpp"
#include "weights/messages.hpp"
#include "weights/output_folder.hpp"

namespace dvar::data {
namespace {

namespace fs = std::filesystem;

/// Says what stands in a folder without pictures, so that the reader sees at once which mistake it was.
std::string describe(const std::vector<unused_file>& others) {
  if (others.empty()) return "it is empty";
  constexpr std::size_t shown = 3;
  std::string list;
  for (std::size_t i = 0; i < std::min(shown, others.size()); ++i)
    list += (i == 0 ? "" : ", ") + weights::in_quotes(others[i].name);
  if (others.size() > shown) list += fmt::format(" and {} more", others.size() - shown);
  return "it holds " + list;
}

/// Returns whether a file begins as a picture does. One that cannot be opened or is empty does not.
bool has_picture_content(const fs::path& file) {
  std::ifstream stream{file, std::ios::binary};
  char head[16]{};
  stream.read(head, sizeof(head));
  return format_of(std::string_view{head, static_cast<std::size_t>(stream.gcount())}) != picture_format::none;
}

/// Returns whether a picture is a sheet on which dvar has put the others of its folder side by side.
bool is_sheet(const fs::path& file) {
  const fs::path folder = file.parent_path();
  if (file.filename() == "grid.png") return weights::writer_of(folder) == "sample";
  if (file.filename() != "before.png" && file.filename() != "after.png") return false;
  return folder.filename() == "samples" &&
         weights::writer_of(fs::weakly_canonical(folder).parent_path()) == "train";
}

/// Returns why an entry of a folder is no picture; empty for one that is. What is called a picture and cannot be read is one
/// all the same: it must not be passed over.
std::string reason_against(const fs::directory_entry& entry) {
  std::error_code error;
  const fs::path& path = entry.path();
  if (path.filename().string().starts_with('.')) return "hidden";
  if (entry.is_directory(error)) return "a folder";
  if (is_mask_name(path)) return "a mask by its name";
  const bool is_called_so = is_picture_name(path);
  if (!fs::exists(path, error)) return is_called_so ? "" : "a link to nothing";
  if (!entry.is_regular_file(error)) return is_called_so ? "" : "no file";
  if (path.filename() == weights::folder_mark) return "what says that dvar has written here";
  if (is_sheet(path)) return "a sheet of the others";
  if (is_called_so) return "";
  if (!has_picture_content(path)) return "no picture";
  // The raw pictures of cameras are TIFF, and what a reader of TIFF sees in them is a small preview.
  return format_of(path) == picture_format::tiff
             ? "TIFF by its content and not by its name, as raw pictures of cameras are"
             : "";
}

/// Names the companions of pictures as people do, or says nothing of other files.
std::string reason_as_companion(const fs::path& file, const std::vector<fs::path>& pictures,
                                const companions& read) {
  const auto belongs = [&](auto&& companion_of) {
    return std::ranges::any_of(pictures,
                               [&](const fs::path& picture) { return companion_of(picture) == file; });
  };
  if (file.extension() == ".txt") {
    if (!belongs(caption_file_of)) return "captions of no picture";
    return read.captions ? "" : "captions, which --captions reads";
  }
  if (is_mask_name(file)) {
    if (file.extension() != ".png") return "a mask by its name, and masks are called NAME.mask.png";
    if (!belongs([](const fs::path& picture) { return mask_file_of(picture, {}); }))
      return "a mask of no picture";
    return read.masks ? "" : "a mask, which --masks beside reads";
  }
  return "";
}

void refuse_own_folder(const fs::path& folder) {
  if (weights::writer_of(folder) == "train") {
    throw input_error{
        fmt::format("expected a folder with pictures, {0} is that of a run; its samples are in {0}/samples",
                    folder.string())};
  }
}

}  // namespace

picture_folder look_through(const fs::path& folder, const companions& read) {
  std::error_code failure;
  const fs::file_status status = fs::status(folder, failure);
  if (!fs::exists(status))
    throw input_error{fmt::format("expected a folder with pictures, {} does not exist", folder.string())};
  if (!fs::is_directory(status))
    throw input_error{fmt::format("expected a folder with pictures, {} is no folder", folder.string())};
  refuse_own_folder(folder);
  picture_folder found;
  fs::directory_iterator entries{folder, failure};
  for (; !failure && entries != fs::directory_iterator{}; entries.increment(failure)) {
    std::string reason = reason_against(*entries);
    if (reason.empty())
      found.pictures.push_back(entries->path());
    else
      found.unused.push_back({entries->path().filename().string(), std::move(reason)});
  }
  if (failure)
    throw input_error{fmt::format("cannot list the folder {}: {}", folder.string(), failure.message())};
  std::ranges::sort(found.unused, {}, &unused_file::name);
  if (found.pictures.empty())
    throw input_error{
        fmt::format("no pictures in the folder {}: {}", folder.string(), describe(found.unused))};
  std::ranges::sort(found.pictures, {}, [](const fs::path& path) { return path.filename().native(); });
  std::erase_if(found.unused, [&](unused_file& file) {
    const fs::path path = folder / file.name;
    if (file.reason == "hidden" || (path.extension() != ".txt" && !is_mask_name(path))) return false;
    file.reason = reason_as_companion(path, found.pictures, read);
    return file.reason.empty();
  });
  return found;
}

std::vector<fs::path> list_pictures(const fs::path& folder) {
  return look_through(folder).pictures;
}

std::string count_of_pictures(std::int64_t count) {
  return fmt::format("{} {}", count, count == 1 ? "picture" : "pictures");
}

std::string description_of(const std::vector<unused_file>& unused, const fs::path& folder) {
  if (unused.empty()) return "";
  std::string text = fmt::format("Not used of {}: ", folder.string());
  for (std::size_t i = 0; i < unused.size(); ++i)
    text +=
        fmt::format("{}{} ({})", i == 0 ? "" : ", ", weights::in_quotes(unused[i].name), unused[i].reason);
  return text;
}

}  // namespace dvar::data
