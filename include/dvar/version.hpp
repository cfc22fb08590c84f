#pragma once

/// \file
/// Says which version of the toolkit this is. All that the headers define is in an inline namespace of that version,
/// so that two of them can be linked into one program.

/// \def DVAR_VERSION_MAJOR
/// Counts changes that break programs.
#define DVAR_VERSION_MAJOR 0
/// \def DVAR_VERSION_MINOR
/// Counts additions; below 1.0, these may break programs too.
#define DVAR_VERSION_MINOR 2
/// \def DVAR_VERSION_PATCH
/// Counts corrections.
#define DVAR_VERSION_PATCH 0
/// \def DVAR_VERSION_NUMBER
/// Orders versions: `#if DVAR_VERSION_NUMBER >= 200` is true from 0.2.0 on.
#define DVAR_VERSION_NUMBER (DVAR_VERSION_MAJOR * 10000 + DVAR_VERSION_MINOR * 100 + DVAR_VERSION_PATCH)
