/* Preloaded into a program, counts what it does to the files below a folder, and at one of these calls kills it or has the
 * disk full from then on.
 *
 * SOAK_FOLDER   the folder
 * SOAK_COUNT    a file into which the number of calls is written at the end
 * SOAK_AT       the call, from 1, at which something happens
 * SOAK_WHAT     kill: the process is killed before that call; full: it fails as on a full disk, as do all behind it that write;
 *               once: it alone fails, as with a bad sector; half: as full, but a write puts half of its bytes there before
 *
 * Programs that this one starts have none of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char* folder;
static const char* count_file;
static const char* what = "";
static long at;
static long calls;

__attribute__((constructor)) static void begin(void) {
  folder = getenv("SOAK_FOLDER");
  count_file = getenv("SOAK_COUNT");
  if (getenv("SOAK_AT")) at = atol(getenv("SOAK_AT"));
  if (getenv("SOAK_WHAT")) what = getenv("SOAK_WHAT");
  unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void end(void) {
  if (!count_file) return;
  FILE* file = fopen(count_file, "w");
  if (!file) return;
  fprintf(file, "%ld\n", calls);
  fclose(file);
}

static int is_below(const char* path) {
  char real[PATH_MAX];
  char parent[PATH_MAX];
  if (!folder || !path) return 0;
  if (realpath(path, real) == NULL) {
    /* A file that is to be made: its folder is there. */
    const char* slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 1;
    if (length >= sizeof parent) return 0;
    memcpy(parent, slash ? path : ".", length);
    parent[length] = 0;
    if (realpath(length ? parent : "/", real) == NULL) return 0;
  }
  size_t length = strlen(folder);
  return strncmp(real, folder, length) == 0 && (real[length] == '/' || real[length] == 0);
}

static int is_descriptor_below(int descriptor) {
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_below(path);
}

/* Counts a call, and returns whether it is to fail. */
static int fails(void) {
  long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (at == 0 || call < at) return 0;
  if (call == at && strcmp(what, "kill") == 0) raise(SIGKILL);
  if (strcmp(what, "once") == 0) return call == at;
  return strcmp(what, "full") == 0 || strcmp(what, "half") == 0;
}

static int fail(void) {
  errno = strcmp(what, "once") == 0 ? EIO : ENOSPC;
  return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int descriptor, const void* bytes, size_t count) {
  if (is_descriptor_below(descriptor) && fails()) {
    if (strcmp(what, "half") == 0 && calls == at && count > 1)
      return REAL(write)(descriptor, bytes, count / 2);
    return fail();
  }
  return REAL(write)(descriptor, bytes, count);
}

ssize_t writev(int descriptor, const struct iovec* parts, int count) {
  if (is_descriptor_below(descriptor) && fails()) return fail();
  return REAL(writev)(descriptor, parts, count);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t offset) {
  if (is_descriptor_below(descriptor) && fails()) return fail();
  return REAL(pwrite)(descriptor, bytes, count, offset);
}

int fsync(int descriptor) {
  if (is_descriptor_below(descriptor) && fails()) return fail();
  return REAL(fsync)(descriptor);
}

int rename(const char* from, const char* to) {
  if (is_below(from) && fails()) return fail();
  return REAL(rename)(from, to);
}

int link(const char* from, const char* to) {
  if (is_below(to) && fails()) return fail();
  return REAL(link)(from, to);
}

/* A full disk lets files be removed; a kill may come before it. */
int unlink(const char* path) {
  if (is_below(path) && fails() && strcmp(what, "once") == 0) return fail();
  return REAL(unlink)(path);
}

int remove(const char* path) {
  if (is_below(path) && fails() && strcmp(what, "once") == 0) return fail();
  return REAL(remove)(path);
}

int mkdir(const char* path, mode_t mode) {
  if (is_below(path) && fails()) return fail();
  return REAL(mkdir)(path, mode);
}

static int opens_to_write(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY;
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
  va_end(more);
  if (opens_to_write(flags) && is_below(path) && fails()) return fail();
  return REAL(open)(path, flags, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  if (mode[0] != 'r' && is_below(path) && fails()) {
    fail();
    return NULL;
  }
  return REAL(fopen64)(path, mode);
}
