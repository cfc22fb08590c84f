# Sourced by scripts/quickstart and scripts/test, after steps.bash (they set root, log and install): finds a LibTorch, or fetches a CPU build.
#
#   find_libtorch CHOICE   CHOICE is auto, pip, debian or a directory. Sets torch_dir (it holds TorchConfig.cmake).
#   torch_wheel            makes sure that build/venv holds a CPU build of torch.
#
# Order of auto: CMAKE_PREFIX_PATH or Torch_DIR; a torch that python3 imports; pip into build/venv; Debian's libtorch-dev.
# What is named may be any version: CMake refuses one that is older than oldest_torch.
# A CUDA build is never fetched: the wheel must carry the local version "+cpu", which the default (CUDA) wheels lack.

torch_version=2.13.0
oldest_torch=2.6
torch_cpu_index=https://download.pytorch.org/whl/cpu
venv=$root/build/venv

# config_in DIRECTORY: prints the directory of TorchConfig.cmake in or below an installation's usual places.
config_in() {
  local candidate
  for candidate in "$1" "$1/Torch" "$1/share/cmake/Torch" "$1/lib/cmake/Torch" "$1/lib"/*/cmake/Torch; do
    if [ -f "$candidate/TorchConfig.cmake" ]; then printf '%s' "$candidate"; return 0; fi
  done
  return 1
}

torch_given() {
  local directory directories
  IFS=':;' read -r -a directories <<<"${Torch_DIR:-}:${CMAKE_PREFIX_PATH:-}"
  for directory in "${directories[@]}"; do
    [ -n "$directory" ] || continue
    if torch_dir=$(config_in "$directory"); then
      note "LibTorch: $torch_dir (Torch_DIR or CMAKE_PREFIX_PATH names it)"
      return 0
    fi
  done
  return 1
}

# Prints prefix, version and a verdict of the torch that python3 imports; nothing if there is none.
python_torch_facts() {
  python3 - "$oldest_torch" 2>/dev/null <<'EOF'
import re, shutil, sys
import torch
from torch.utils import cmake_prefix_path
version = tuple(int(n) for n in re.findall(r"\d+", torch.__version__)[:2])
if version < tuple(int(n) for n in sys.argv[1].split(".")):
    verdict = "older than " + sys.argv[1]
elif not torch.compiled_with_cxx11_abi():
    verdict = "built for the old C++ ABI, which the system's libraries do not link with"
elif torch.version.cuda and not shutil.which("nvcc"):
    verdict = "a CUDA build, and its headers need nvcc, which is not here"
else:
    verdict = "usable"
print(cmake_prefix_path, torch.__version__, verdict, sep="\n")
EOF
}

torch_of_python() {
  local facts
  mapfile -t facts < <(python_torch_facts)
  [ ${#facts[@]} -eq 3 ] || return 1
  if [ "${facts[2]}" != usable ]; then
    note "python3 imports torch ${facts[1]}, but it is ${facts[2]}: looking further"
    return 1
  fi
  torch_dir=$(config_in "${facts[0]}") || return 1
  note "LibTorch ${facts[1]}: the one that python3 imports"
}

wheel_config() { config_in "$(echo "$venv"/lib/python3*/site-packages/torch)"; }

# Leaves a venv that works, or fails: the system's python3 serves where the first one on PATH lacks ensurepip.
make_venv() {
  [ ! -x "$venv/bin/pip" ] || return 0
  local python
  for python in python3 /usr/bin/python3; do
    command -v "$python" >/dev/null || continue
    rm -rf "$venv"
    if quietly "$python" -m venv "$venv"; then return 0; fi
  done
  rm -rf "$venv"
  return 1
}

pip_install() {
  quietly "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
    --retries 2 --timeout 30 "$@"
}

torch_wheel() {
  local wanted=torch==$torch_version+cpu
  if [ "$(cat "$venv/torch-version" 2>/dev/null)" = "$wanted" ]; then
    note "torch $torch_version (CPU) is in build/venv already"
    return 0
  fi
  make_venv || { note "python3 cannot make a virtual environment"; return 1; }
  note "Fetching $wanted with pip into build/venv (about 200 MB)"
  # First what pip is configured to look at (a mirror, a directory of wheels), then PyTorch's own index of CPU builds.
  pip_install --no-compile --no-deps "$wanted" ||
    pip_install --no-compile --no-deps --index-url "$torch_cpu_index" "$wanted" || return 1
  echo "$wanted" >"$venv/torch-version"
}

torch_of_pip() {
  torch_wheel || return 1
  torch_dir=$(wheel_config) || return 1
  note "LibTorch $torch_version: the CPU build in build/venv"
}

torch_of_debian() {
  if [ "$install" = yes ]; then
    "$root/scripts/install-dependencies" --log "$log" debian-libtorch 2>&1 | sed 's/^/        /' || return 1
  fi
  local config version
  config=$(dpkg -L libtorch-dev 2>/dev/null | grep '/TorchConfig\.cmake$') || return 1
  version=$(dpkg-query -W -f='${source:Upstream-Version}' libtorch-dev)
  if [ "$(printf '%s\n' "$oldest_torch" "$version" | sort -V | head -n 1)" != "$oldest_torch" ]; then
    note "Debian's libtorch-dev is installed as $version: expected $oldest_torch or newer"
    return 1
  fi
  torch_dir=$(dirname "$config")
  note "LibTorch $version: Debian's package"
}

find_libtorch() {
  case $1 in
    auto)
      torch_given && return
      torch_of_python && return
      torch_of_pip && return
      note "pip found no CPU build of torch $torch_version: trying Debian's package"
      torch_of_debian && return
      stop "no LibTorch: neither named, nor importable, nor from pip, nor from Debian" \
        "With a network, run this again. Without one, unpack a CPU build of LibTorch and pass --libtorch DIRECTORY." \
        "What pip said is in $log"
      ;;
    pip)
      torch_of_pip && return
      stop "pip found no CPU build of torch $torch_version" "What it said is in $log" \
        "--libtorch debian takes Debian's package instead, where it is $oldest_torch or newer: from Debian 13 on."
      ;;
    debian)
      torch_of_debian && return
      stop "expected Debian's libtorch-dev $oldest_torch or newer, as Debian 13 has it; found none that can be used" \
        "--libtorch pip fetches a CPU build instead."
      ;;
    *)
      [ -d "$1" ] || stop "--libtorch takes auto, pip, debian or a directory; '$1' is none of them"
      torch_dir=$(config_in "$(cd "$1" && pwd)") || stop "--libtorch $1: no TorchConfig.cmake in it or in its share/cmake/Torch"
      note "LibTorch: $torch_dir (given with --libtorch)"
      ;;
  esac
}
