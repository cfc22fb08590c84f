# Sourced by scripts/gpu-check, after steps.bash and libtorch.bash: what the trainer is built with, for a machine that has
# LibTorch, CUDA and compilers, and nothing else.
#
#   collect_libraries DIRECTORY       fetches the packages into it
#   unpack_libraries DIRECTORY TO     unpacks them: TO/usr, TO/python, and what pkg-config shall say
#   cuda_toolkit TO                   a toolkit's folder of links, from nvcc's place and python3's packages

# The limit is that of a parcel: what carries it to such a machine may take no more.
largest_parcel=$((34 * 1024 * 1024))

debian_packages=(nlohmann-json3-dev libcli11-dev libfmt-dev libfmt9 libxtensor-dev xtl-dev libjs-chart.js pkgconf-bin libpkgconf3
  libgtest-dev libgmock-dev googletest libbenchmark-dev libbenchmark1debian
  libicu-dev) # ICU's static libraries, which have its data: half of what the shared ones would add

# libvips with everything that it needs, GLib among it, in one shared library: Debian's is a tree of two hundred packages.
vips_version=1.3.4
node_packages=(@img/sharp-libvips-linux-x64@$vips_version @img/sharp-libvips-dev@$vips_version)

# diffusers, and those of its needs that transformers does not bring.
python_packages() {
  grep '^diffusers==' "$root/scripts/requirements-test.txt"
  printf '%s\n' importlib_metadata zipp requests charset_normalizer idna urllib3 certifi
}

collect_libraries() {
  local to packages bytes
  command -v apt-get >/dev/null && command -v npm >/dev/null ||
    stop "collecting needs apt-get and npm: Debian 12 or newer has both" "scripts/install-dependencies tests installs npm."
  rm -rf "$1"
  mkdir -p "$1"
  to=$(cd "$1" && pwd)
  must env --chdir="$to" apt-get -q -o APT::Sandbox::User=root download "${debian_packages[@]}"
  must env --chdir="$to" npm pack --silent "${node_packages[@]}"
  make_venv || stop "python3 cannot make a virtual environment" "What it said is in $log"
  mapfile -t packages < <(python_packages)
  must "$venv/bin/python" -m pip download --disable-pip-version-check --no-input --progress-bar off --no-deps \
    --only-binary=:all: --platform any --implementation py --dest "$to" "${packages[@]}"
  bytes=$(cat "$to"/* | wc -c)
  note "$(find "$to" -type f | wc -l) packages, $((bytes / 1024)) KiB, in $to"
  [ "$bytes" -le $largest_parcel ] || stop "that is more than $((largest_parcel / 1024)) KiB, which is the limit"
}

# unpack_deb FILE TO
unpack_deb() {
  if command -v dpkg-deb >/dev/null; then
    must dpkg-deb --extract "$1" "$2"
  else
    must bash -c 'ar p "$0" data.tar.xz | tar --extract --xz --directory "$1"' "$1" "$2"
  fi
}

# write_pc TO NAME VERSION CFLAGS LIBS: what pkg-config says of a library.
write_pc() {
  mkdir -p "$1/pkgconfig"
  printf 'Name: %s\nDescription: %s\nVersion: %s\nCflags: %s\nLibs: %s\n' "$2" "$2" "$3" "$4" "$5" >"$1/pkgconfig/$2.pc"
}

unpack_libraries() {
  local from=$1 to=$2 file library vips icu
  compgen -G "$from/*.deb" >/dev/null || stop "$from holds no packages: scripts/gpu-check --collect $from fetches them"
  rm -rf "$to"
  mkdir -p "$to/python" "$to/vips/dev" "$to/vips/linux"
  for file in "$from"/*.deb; do unpack_deb "$file" "$to"; done
  for file in "$from"/*.whl; do must python3 -m zipfile --extract "$file" "$to/python"; done
  must tar --extract --gzip --strip-components 1 --file "$from/img-sharp-libvips-dev-$vips_version.tgz" --directory "$to/vips/dev"
  must tar --extract --gzip --strip-components 1 --file "$from/img-sharp-libvips-linux-x64-$vips_version.tgz" --directory "$to/vips/linux"

  vips=$to/vips/linux/lib
  library=$(cd "$vips" && echo libvips-cpp.so.*)
  ln -s "$library" "$vips/libvips-cpp.so"
  local includes="-I$to/vips/dev/include -I$to/vips/dev/include/glib-2.0 -I$vips/glib-2.0/include"
  write_pc "$to" vips-cpp "${library#libvips-cpp.so.}" "$includes" "-L$vips -lvips-cpp"
  write_pc "$to" glib-2.0 "$(sed -n 's/.*"glib": "\(.*\)".*/\1/p' "$to/vips/dev/versions.json")" "$includes" "-L$vips -lvips-cpp"

  # Whoever looks for the shared library, which is not here, finds the static one and its data.
  icu=$to/usr/lib/x86_64-linux-gnu
  rm -f "$icu/libicuuc.so"
  echo "INPUT($icu/libicuuc.a $icu/libicudata.a)" >"$icu/libicuuc.so"

  mkdir -p "$to/bin"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s PKG_CONFIG_LIBDIR=%s exec %s "$@"\n' "$icu" "$to/pkgconfig" "$to/usr/bin/pkgconf" >"$to/bin/pkg-config"
  chmod +x "$to/bin/pkg-config"
}

# link_missing TO FILE…: links to those files whose names are not there yet.
link_missing() {
  local to=$1 file
  shift
  for file in "$@"; do
    [ -e "$file" ] && [ ! -e "$to/${file##*/}" ] || continue
    ln -s "$file" "$to/${file##*/}"
  done
}

# LibTorch's configuration wants one folder with compiler, headers and libraries; a machine may have the compiler's in one
# place and the libraries' in the packages that python3's torch came with.
cuda_toolkit() {
  local to=$1 nvcc home packages part library
  nvcc=$(command -v nvcc || ls -d "${CUDA_HOME:-/usr/local/cuda}"/bin/nvcc /usr/local/cuda-*/bin/nvcc 2>/dev/null | head -n 1) || true
  [ -n "$nvcc" ] || stop "there is no nvcc, on PATH, below CUDA_HOME or in /usr/local/cuda"
  home=$(cd "$(dirname "$(readlink -f "$nvcc")")/.." && pwd)
  rm -rf "$to"
  mkdir -p "$to/bin" "$to/include" "$to/lib64"
  link_missing "$to/bin" "$home"/bin/*
  link_missing "$to" "$home/nvvm"
  link_missing "$to/include" "$home"/include/* "$home"/targets/x86_64-linux/include/*
  link_missing "$to/lib64" "$home"/lib64/* "$home"/targets/x86_64-linux/lib/*
  packages=$(python3 -c 'import importlib.util as u; print(*(u.find_spec("nvidia") or u.find_spec("os")).submodule_search_locations or [])')
  for part in ${packages:+"$packages"/*}; do
    link_missing "$to/include" "$part"/include/*
    link_missing "$to/lib64" "$part"/lib/*
  done
  for library in "$to"/lib64/lib*.so.*; do
    part=${library%.so.*}.so
    [ -e "$part" ] || [ ! -e "$library" ] || ln -s "${library##*/}" "$part"
  done
}
