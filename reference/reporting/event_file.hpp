#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "torch.hpp"

namespace dvar::reporting {

/// Holds one number of a step, under the name by which TensorBoard shows it.
struct event_scalar {
  std::string tag;
  double value = 0.0;  ///< is stored in float32
};

/// Holds one picture of a step.
struct event_image {
  std::string tag;
  at::Tensor image;  ///< uint8 [3, H, W]
};

/// Writes a file of events that TensorBoard shows: TFRecord frames around `Event` messages of version 2.
///
/// A file is only ever appended to, a whole record at a time, so that TensorBoard can follow it; it shows all
/// files of a folder as one run, in the order of their names. Of a file that was cut off by a kill it reads
/// the whole records.
///
/// Format: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details, and TensorFlow's
/// `event.proto` and `summary.proto` (tensorflow/core at v2.15).
class event_file {
 public:
  /// Begins a new file in `folder`, which is made where it is missing; its name comes behind those that are
  /// there. TensorBoard forgets what earlier files say of `first_step` and those after it: they are done again
  /// by a run that goes on. Throws `dvar::input_error` when the file cannot be written; so do the members below.
  explicit event_file(const std::filesystem::path& folder, std::int64_t first_step = 1);

  void add_scalars(std::int64_t step, const std::vector<event_scalar>& scalars);
  void add_images(std::int64_t step, const std::vector<event_image>& images);

  const std::filesystem::path& path() const { return path_; }

  /// Returns the files of this kind in a folder, in the order of their names; none where there is no folder.
  static std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder);

 private:
  void append(const std::string& event);

  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace dvar::reporting
