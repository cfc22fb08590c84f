/* A rule of one's own from C. */

#include <stdio.h>

#include <dvar/dvar.h>

int main(void) {
  const double losses[] = {0.3, 0.2, 0.105, 0.3};
  dvar_error error;
  dvar_rule* rule = dvar_create("near_bound:bound=0.1", &error);
  if (rule == NULL) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  const size_t stop = dvar_observe_until_stop(rule, losses, 4);
  dvar_reported reported;
  const size_t count = dvar_report(rule, &reported, 1);
  printf("%s stops at %d: %s %.2f below %.1f, of %d\n", dvar_latest(rule).rule, (int)stop, reported.name,
         reported.value, reported.bound, (int)count);
  dvar_destroy(rule);
  return 0;
}
