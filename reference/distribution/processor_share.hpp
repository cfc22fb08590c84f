#pragma once

#include <span>

#include <sched.h>

namespace dvar::distribution {

/// Returns how many processors process `mine` of those on a machine may keep busy, at least 1, where `sets`
/// are the processors that each may use: one that k of them may use is 1/k for each. A launcher may bind
/// processes to processors of their own, or leave them all to each.
int processor_share(std::span<const cpu_set_t> sets, std::size_t mine);

}  // namespace dvar::distribution
