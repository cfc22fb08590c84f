#pragma once

/// \def DVAR_INDEPENDENT_LOOP
/// Stands before a loop whose passes touch nothing of each other, and says so: compilers then make vector
/// instructions of it, even where they cannot see that the arrays are apart. For the headers' own use.
#if defined(__clang__)
#define DVAR_INDEPENDENT_LOOP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define DVAR_INDEPENDENT_LOOP _Pragma("GCC ivdep")
#else
#define DVAR_INDEPENDENT_LOOP
#endif
