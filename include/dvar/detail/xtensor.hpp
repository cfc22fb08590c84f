#pragma once

// xtensor 0.26 sorted its headers into directories; both layouts are served.
#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xexpression.hpp>
#else
#include <xtensor/xexpression.hpp>
#include <xtensor/xtensor.hpp>
#endif
