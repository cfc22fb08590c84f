# Sourced by the scripts beside it: where we stand, with elapsed time; noisy commands into a log.
# Needs: `log` (the file that quietly writes to). Sets first_build, options of cmake.

started=$SECONDS
cores=$(nproc 2>/dev/null || echo 2)

elapsed() {
  local seconds=$((SECONDS - started))
  printf '%2d:%02d' $((seconds / 60)) $((seconds % 60))
}

# step MESSAGE…: a line that says what happens now.
step() { printf '[%s] %s\n' "$(elapsed)" "$*"; }

# note MESSAGE…: a line that belongs to the step above it.
note() { printf '        %s\n' "$*"; }

# stop MESSAGE [LINE…]: what went wrong and what to do about it, then the end.
stop() {
  printf '[%s] stopped: %s\n' "$(elapsed)" "$1" >&2
  shift
  [ $# -eq 0 ] || printf '        %s\n' "$@" >&2
  exit 1
}

# Copies a command's output to the log and shows its newest line now and then: every ten seconds, or every second
# in place on a terminal.
follow() {
  local line shown=$SECONDS pause=10 width
  [ ! -t 1 ] || pause=1
  width=$(($(tput cols 2>/dev/null || echo 110) - 10))
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\n' "$line" >>"$log"
    [ $((SECONDS - shown)) -ge $pause ] || continue
    shown=$SECONDS
    if [ -t 1 ]; then printf '\r\033[K        %.*s' "$width" "$line"; else note "[$(elapsed)] ${line:0:100}"; fi
  done
  [ ! -t 1 ] || printf '\r\033[K'
}

# quietly COMMAND…: runs it with its output in the log. Returns the command's status.
quietly() {
  mkdir -p "$(dirname "$log")"
  printf '\n$ %s\n' "$*" >>"$log"
  "$@" </dev/null 2>&1 | follow
  return "${PIPESTATUS[0]}"
}

# must COMMAND…: quietly; a failure shows the end of the log and ends the script.
must() {
  quietly "$@" && return
  tail -n 40 "$log" | sed 's/^/  | /' >&2
  stop "this command failed: $*" "its whole output is in $log"
}

# A first build joins files, since most of its time goes into headers that each of them reads: docs/decisions/0022.
first_build=(-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=8)

# A compiler that reads LibTorch's headers takes up to 2 GiB: no more at once than the memory holds.
compile_jobs() {
  local kibibytes
  kibibytes=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo 2>/dev/null || true)
  local fit=$((${kibibytes:-4194304} / 2097152))
  [ "$fit" -ge 1 ] || fit=1
  if [ "$fit" -lt "$cores" ]; then echo "$fit"; else echo "$cores"; fi
}
