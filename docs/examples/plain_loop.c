/* Gradient descent on a loss that is noise, stopped by the DVAR rule: the C interface in a whole program. */
#include <stdio.h>
#include <stdlib.h>

#include <dvar/dvar.h>

static double uniform(unsigned* state) {
  *state = *state * 1664525u + 1013904223u;
  return (double)(*state >> 8) / (1 << 24);
}

/* y = 3 x with noise, of which the model learns the slope. */
static double squared_error(double slope, unsigned* state) {
  const double x = uniform(state);
  const double error = slope * x - (3.0 * x + 0.5 * (uniform(state) - 0.5));
  return error * error;
}

/* The loss on the same 64 draws every time: what the rule is shown. */
static double loss_on_fixed_inputs(double slope) {
  unsigned fixed = 7;
  double sum = 0.0;
  for (int i = 0; i < 64; ++i)
    sum += squared_error(slope, &fixed);
  return sum / 64;
}

int main(void) {
  dvar_error error;
  dvar_rule* members[2] = {dvar_create("variance_ratio:window=100", NULL),
                           dvar_create("step_limit:limit=5000", NULL)};
  dvar_rule* rule = dvar_any_of_create((const dvar_rule* const*)members, 2, &error);
  dvar_destroy(members[0]);
  dvar_destroy(members[1]);
  if (rule == NULL) {
    fprintf(stderr, "%s\n", error.message);
    return EXIT_FAILURE;
  }

  double slope = 0.0;
  unsigned training = 1;
  size_t step = 0;
  dvar_verdict verdict;
  do {
    const double x = uniform(&training);
    const double y = 3.0 * x + 0.5 * (uniform(&training) - 0.5);
    slope -= 0.05 * 2.0 * x * (slope * x - y);
    verdict = dvar_observe_at(rule, loss_on_fixed_inputs(slope), ++step);
  } while (!verdict.stop);

  char sentence[256];
  dvar_reason(rule, sentence, sizeof sentence);
  printf("stopped by %s at step %zu: %s\n", verdict.rule, step, sentence);
  printf("slope %.2f (drawn with 3)\n", slope);
  dvar_destroy(rule);
  return verdict.rule[0] == 'v' ? EXIT_SUCCESS : EXIT_FAILURE;
}
