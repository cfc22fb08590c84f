#pragma once

#include <dvar/rules/already_converged.hpp>
#include <dvar/rules/clip_s.hpp>
#include <dvar/rules/diminishing_returns.hpp>
#include <dvar/rules/ema_percentile.hpp>
#include <dvar/rules/evidence_based.hpp>
#include <dvar/rules/generalization_loss.hpp>
#include <dvar/rules/geweke.hpp>
#include <dvar/rules/hall.hpp>
#include <dvar/rules/mean_settled.hpp>
#include <dvar/rules/movement.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/pflug.hpp>
#include <dvar/rules/plateau.hpp>
#include <dvar/rules/progress_quotient.hpp>
#include <dvar/rules/sasa.hpp>
#include <dvar/rules/sequential_test.hpp>
#include <dvar/rules/slope_test.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/successive_rises.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/rules/trend.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/rules/wall_clock_limit.hpp>

namespace dvar::inline v0_2 {

/// Lists types in an order.
template <class... Types>
struct type_list {};

/// Lists the rules on numbers. A rule that stands here is known to `make_criterion`, and with it to
/// configuration files, command lines, C and Python.
using scalar_rules = type_list<variance_ratio,       //
                               patience,             //
                               clip_s,               //
                               plateau,              //
                               threshold,            //
                               divergence,           //
                               generalization_loss,  //
                               progress_quotient,    //
                               successive_rises,     //
                               ema_percentile,       //
                               hall,                 //
                               trend,                //
                               geweke,               //
                               mean_settled,         //
                               slope_test,           //
                               diminishing_returns,  //
                               sequential_test,      //
                               sasa,                 //
                               already_converged,    //
                               non_finite,           //
                               step_limit,           //
                               wall_clock_limit<>>;

/// Lists the rules on vectors, which have no text: their observations are no numbers.
using vector_rules = type_list<movement, pflug, evidence_based>;

}  // namespace dvar::inline v0_2
