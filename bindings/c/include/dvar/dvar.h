#ifndef DVAR_DVAR_H
#define DVAR_DVAR_H

/** \file
 *  Offers the toolkit's stopping rules to C, and to whatever calls C: opaque handles, no exception, no global state,
 *  no output. What a rule means, and how it behaves on losses of every kind, stands in the C++ header of its name,
 *  dvar/rules.
 *
 *      dvar_error error;
 *      dvar_rule* rule = dvar_create("variance_ratio:window=310,threshold=0.15", &error);
 *      if (rule == NULL) { fprintf(stderr, "%s\n", error.message); return 1; }
 *      while (!dvar_observe(rule, loss_on_fixed_inputs()).stop) { train(); }
 *      dvar_destroy(rule);
 *
 *  Two threads may use two handles at once, but not the same one. A handle that is asked for must not be NULL,
 *  except by dvar_destroy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(DVAR_C_BUILDING)
#define DVAR_API __declspec(dllexport)
#elif defined(_WIN32)
#define DVAR_API __declspec(dllimport)
#else
#define DVAR_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Grows whenever a function or a structure below changes; the library's file name carries it. */
#define DVAR_C_ABI 4

/** Returns the DVAR_C_ABI that the library was built with. */
DVAR_API uint32_t dvar_c_abi(void);

/** Returns the library's version, such as "0.2.0", in static storage. */
DVAR_API const char* dvar_version(void);

/* ---- Errors ---------------------------------------------------------------------------------------------- */

typedef enum dvar_status {
  DVAR_OK = 0,
  /** A setting is out of its range, or a buffer is too small. */
  DVAR_INVALID_ARGUMENT = 1,
  /** A saved state is damaged, or of another rule, of other settings, or of another version. */
  DVAR_BAD_STATE = 2,
  DVAR_OUT_OF_MEMORY = 3,
  /** Anything else went wrong. */
  DVAR_FAILED = 4
} dvar_status;

/** Describes an error: functions that can fail fill it in, and take NULL where nobody wants to know. */
typedef struct dvar_error {
  dvar_status status;
  /** What was expected and what came; ends with a zero, and with "..." where it is cut. */
  char message[1024];
} dvar_error;

/* ---- Rules ----------------------------------------------------------------------------------------------- */

/** Holds a stopping rule with its state. */
typedef struct dvar_rule dvar_rule;

/** Holds what a rule says after an observation. */
typedef struct dvar_verdict {
  /** The number that was compared with the threshold; NaN while there is none. */
  double statistic;
  /** The name of the rule that stops, such as "variance_ratio", in static storage; "" while none does. */
  const char* rule;
  /** Whether to stop now. It is not latched: it answers for the latest observation. */
  bool stop;
  /** Whether the rule has yet to see enough observations; never together with `stop`. */
  bool warming_up;
  bool has_statistic;
} dvar_verdict;

/** The rule that a text describes: its name, and options that are not the defaults, as for
 *  dvar::make_criterion in dvar/catalog/make_criterion.hpp.
 *
 *      "variance_ratio"   "dvar:v1"   "variance_ratio:window=100,threshold=0.2,non_finite=skip"
 *      "patience:direction=maximize,patience=5,min_delta=0.02"   "step_limit:limit=6100"   "non_finite"
 *
 *  Rules with `&` between them stop together, with `|` each; parentheses group them. A text that begins with a brace is the JSON of
 *  dvar_json. Returns NULL, and the error, when there is no such rule or option, or when a value is out of its range. */
DVAR_API dvar_rule* dvar_create(const char* text, dvar_error* error);

/** Writes the text by which dvar_create makes such a rule again, without what it has observed, as snprintf does: at most `size` bytes
 *  with the zero at the end. Returns the length of the whole text without it. `buffer` may be NULL if `size` is 0. */
DVAR_API size_t dvar_text(const dvar_rule* rule, char* buffer, size_t size);

/** Writes the same as JSON: {"any_of":[{"rule":"variance_ratio","window":100},{"rule":"step_limit","limit":6100}]}. */
DVAR_API size_t dvar_json(const dvar_rule* rule, char* buffer, size_t size);

/** Returns all rules that dvar_create knows, with their options, as the JSON text of dvar::catalog_json in
 *  dvar/catalog/catalog_json.hpp, in static storage; NULL when memory runs out. */
DVAR_API const char* dvar_catalog(void);

/* Rules of rules. Each copies its members, with their state; yours remain yours to destroy. Each is NULL, with the
   error, when a number is 0 or a member is NULL. */

/** Makes a rule that stops when one of its members does; the first of them, in the order given, gives the reason. */
DVAR_API dvar_rule* dvar_any_of_create(const dvar_rule* const* members, size_t count, dvar_error* error);

/** Makes a rule that stops when all of its members do at the same observation. */
DVAR_API dvar_rule* dvar_all_of_create(const dvar_rule* const* members, size_t count, dvar_error* error);

/** Makes a rule that lets its member stop only after `minimum` observations or steps. */
DVAR_API dvar_rule* dvar_after_create(size_t minimum, const dvar_rule* member, dvar_error* error);

/** Makes a rule that shows its member every `stride`-th observation. */
DVAR_API dvar_rule* dvar_every_create(size_t stride, const dvar_rule* member, dvar_error* error);

/** Makes a rule that stops when its member has said stop `times` times in a row. */
DVAR_API dvar_rule* dvar_consecutive_create(size_t times, const dvar_rule* member, dvar_error* error);

/** Makes a rule that shows its member the running median of `width` observations, an odd number, so that spikes are
 *  never seen. */
DVAR_API dvar_rule* dvar_despiked_create(size_t width, const dvar_rule* member, dvar_error* error);

/** Makes a rule that stops when its member does, and stays stopped until it is reset. */
DVAR_API dvar_rule* dvar_latched_create(const dvar_rule* member, dvar_error* error);

/* ---- Using a rule ---------------------------------------------------------------------------------------- */

/** Takes an observation, finite or not, and returns the verdict. Never allocates. */
DVAR_API dvar_verdict dvar_observe(dvar_rule* rule, double value);

/** Takes an observation, with the training step (from 1) for the rules that count steps. */
DVAR_API dvar_verdict dvar_observe_at(dvar_rule* rule, double value, size_t step);

/** Takes note that a training step (from 1) is over without an observation: limits on steps and time hold there, too.
 *  `training_loss` points to the step's own loss, which non_finite looks at; NULL where it is not known. Never allocates. */
DVAR_API dvar_verdict dvar_advance(dvar_rule* rule, size_t step, const double* training_loss);

/** Takes observations until the rule stops. Returns the number of the one that stops it, from 1, or 0. */
DVAR_API size_t dvar_observe_until_stop(dvar_rule* rule, const double* values, size_t count);

/** Returns the verdict on all observations so far. */
DVAR_API dvar_verdict dvar_latest(const dvar_rule* rule);

/** Writes the latest verdict as a sentence, as snprintf does: at most `size` bytes with the zero at the end. Returns
 *  the length of the whole sentence without it; 0 when memory ran out. `buffer` may be NULL if `size` is 0. */
DVAR_API size_t dvar_reason(const dvar_rule* rule, char* buffer, size_t size);

/** Says how a number is compared with a bound. */
typedef enum dvar_comparison {
  DVAR_LESS = 0,
  DVAR_LESS_EQUAL = 1,
  DVAR_GREATER = 2,
  DVAR_GREATER_EQUAL = 3
} dvar_comparison;

/** Holds one of a rule's own numbers, as of its latest observation. */
typedef struct dvar_reported {
  /** What the number is, such as "ratio", or "patience/best" where several rules have a best; valid as long as the rule
   *  is not destroyed. */
  const char* name;
  /** NaN while it is undefined. */
  double value;
  /** The rule stops when the value is compared like this with the bound. NaN where it does not judge by this number. */
  double bound;
  dvar_comparison comparison;
  bool has_value;
  bool has_bound;
} dvar_reported;

/** Writes the rule's own numbers, at most `capacity` of them, and returns how many it has. Their names and their order
 *  are the same at every observation. Never allocates. `values` may be NULL if `capacity` is 0. */
DVAR_API size_t dvar_report(const dvar_rule* rule, dvar_reported* values, size_t capacity);

/** Makes the rule equal to a new one with the same settings. */
DVAR_API void dvar_reset(dvar_rule* rule);

/** Returns a rule of the same settings and state; NULL when memory runs out. */
DVAR_API dvar_rule* dvar_copy(const dvar_rule* rule, dvar_error* error);

/** Frees a rule. NULL is ignored. */
DVAR_API void dvar_destroy(dvar_rule* rule);

/* ---- State: the bytes are those of dvar::save_state, on every machine ------------------------------------ */

/** Sets `*size` to the size of the state in bytes and, unless `buffer` is NULL, writes them to it. */
DVAR_API dvar_status dvar_save(const dvar_rule* rule, void* buffer, size_t capacity, size_t* size,
                               dvar_error* error);

/** Continues from the state of a rule with the same settings, bit for bit. A rule that refuses a state is left as
 *  it was. */
DVAR_API dvar_status dvar_load(dvar_rule* rule, const void* bytes, size_t size, dvar_error* error);

/* ---- Recorded runs ---------------------------------------------------------------------------------------- */

/** Finds where the variance-ratio rule would have stopped, for every window and threshold: the observation from 1, or
 *  0. `stops` has room for `window_count * threshold_count`, a row for each window. Takes one pass over the losses a
 *  window. */
DVAR_API dvar_status dvar_threshold_grid(const double* losses, size_t loss_count, const size_t* windows,
                                         size_t window_count, const double* thresholds,
                                         size_t threshold_count, size_t* stops, dvar_error* error);

/** Says how sure the mean of observations is that follow each other and so are not independent. NaN is what is undefined. */
typedef struct dvar_mean_error {
  double mean;
  /** How many independent observations would give a mean as sure as this. */
  double effective_sample_size;
  /** The Monte Carlo standard error of the mean. */
  double standard_error;
  /** 1 where both halves have the same mean, more where they have not. */
  double split_r_hat;
} dvar_mean_error;

/** Computes how sure the mean of `count` values, at least 8, is, as dvar::mean_error_estimator in dvar/statistics/mean_error.hpp
 *  says. */
DVAR_API dvar_status dvar_mean_error_of(const double* values, size_t count, dvar_mean_error* result,
                                        dvar_error* error);

/** Holds one column of a training log. */
typedef struct dvar_log dvar_log;

/** Reads a column of a log, whoever wrote it: a trace, TensorBoard's event files and exported CSV, Lightning's metrics.csv, Keras'
 *  CSVLogger, Hugging Face's trainer_state.json, what Weights & Biases exports, other JSON lines and CSV; as dvar::read_log in
 *  dvar/trace/log.hpp says. `column` may be NULL: it is probe_loss then, or else the only one. Returns NULL, and the error with the
 *  columns that there are, when there are no values of it. */
DVAR_API dvar_log* dvar_log_read(const char* path, const char* column, dvar_error* error);

/** Returns the name of the column that was read; valid as long as the log. */
DVAR_API const char* dvar_log_name(const dvar_log* log);

/** Returns the name of one of the log's columns of numbers, in their order from 0, or NULL behind the last. */
DVAR_API const char* dvar_log_column(const dvar_log* log, size_t index);

/** Writes the column's values, at most `capacity` of them, each with its step, and returns how many there are. `steps` and `values`
 *  may be NULL if `capacity` is 0. */
DVAR_API size_t dvar_log_values(const dvar_log* log, size_t* steps, double* values, size_t capacity);

/** Frees a log. NULL is ignored. */
DVAR_API void dvar_log_destroy(dvar_log* log);

#ifdef __cplusplus
}
#endif

#endif
