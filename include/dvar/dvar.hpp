#pragma once

/// \file
/// Everything in one include. What works on arrays comes along where xtensor is installed.

#include <dvar/criteria/any_of.hpp>
#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/delta_scale.hpp>
#include <dvar/criteria/direction.hpp>
#include <dvar/criteria/divergence.hpp>
#include <dvar/criteria/ema_percentile.hpp>
#include <dvar/criteria/evidence_based.hpp>
#include <dvar/criteria/generalization_loss.hpp>
#include <dvar/criteria/geweke.hpp>
#include <dvar/criteria/hall.hpp>
#include <dvar/criteria/movement.hpp>
#include <dvar/criteria/non_finite.hpp>
#include <dvar/criteria/patience.hpp>
#include <dvar/criteria/pflug.hpp>
#include <dvar/criteria/plateau.hpp>
#include <dvar/criteria/progress_quotient.hpp>
#include <dvar/criteria/sasa.hpp>
#include <dvar/criteria/slope_test.hpp>
#include <dvar/criteria/step_limit.hpp>
#include <dvar/criteria/successive_rises.hpp>
#include <dvar/criteria/threshold.hpp>
#include <dvar/criteria/trend.hpp>
#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/criteria/vector_criterion.hpp>
#include <dvar/criteria/wall_clock_limit.hpp>
#include <dvar/monitor.hpp>
#include <dvar/probe/cadence.hpp>
#include <dvar/probe/deterministic_probe.hpp>
#include <dvar/probe/isolation.hpp>
#include <dvar/probe/source.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>
#include <dvar/statistics/ddof.hpp>
#include <dvar/statistics/exponential_average.hpp>
#include <dvar/statistics/line_fit.hpp>
#include <dvar/statistics/rolling_extremes.hpp>
#include <dvar/statistics/rolling_quantile.hpp>
#include <dvar/statistics/rolling_slope.hpp>
#include <dvar/statistics/rolling_variance.hpp>
#include <dvar/statistics/total_slope.hpp>
#include <dvar/statistics/total_variance.hpp>
#include <dvar/trace/csv.hpp>
#include <dvar/trace/json_lines.hpp>
#include <dvar/trace/replay.hpp>
#include <dvar/trace/trace_error.hpp>
#include <dvar/trace/trace_record.hpp>
#if __has_include(<xtensor/xtensor.hpp>) || __has_include(<xtensor/containers/xtensor.hpp>)
#include <dvar/criteria/variance_ratio_bank.hpp>
#include <dvar/selection/embedding_selection.hpp>
#endif
