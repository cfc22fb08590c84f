#pragma once

/// Returns how far the variances of a bank are from those of single rules, in a file that is compiled for wide vectors.
double error_with_vectors();
/// Returns the same in a file that is not.
double error_without_vectors();
