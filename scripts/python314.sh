#!/usr/bin/env bash
# Prints the path of a Python 3.14: the one on PATH, else one fetched by uv, else unpacked into FOLDER from the signed
# packages of a newer Debian (nothing is installed on the machine; its C headers come along, for packages without a wheel,
# and want CPATH=FOLDER/usr/include). Usage: python314.sh FOLDER
set -euo pipefail
folder=${1:?usage: python314.sh FOLDER}
suite=forky
python=$folder/usr/bin/python3.14

works() { "$1" -c 'import ctypes, sqlite3, ssl, sys; sys.exit(sys.version_info[:2] != (3, 14))' 2>/dev/null; }

from_path() { works python3.14 && command -v python3.14; }

from_uv() {
  uv python install --quiet 3.14 2>/dev/null || return 1
  uv python find 3.14
}

# The libraries come along, because Python 3.14 there needs a newer libc than an older Debian has.
unpack_debian() {
  local tool scratch mirror apt deb libraries
  for tool in apt-get dpkg dpkg-deb patchelf; do
    command -v "$tool" >/dev/null || { echo "python314.sh: $tool is missing" >&2; return 1; }
  done
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$scratch'" EXIT
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | sort -u | head -n 1)
  [ -n "$mirror" ] || { echo "python314.sh: this machine has no Debian package source" >&2; return 1; }
  mkdir -p "$scratch/lists/partial" "$scratch/archives/partial" "$scratch/debs"
  echo "deb [arch=$(dpkg --print-architecture) signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$scratch/sources.list"
  : >"$scratch/status"
  apt=(apt-get -qq
    -o "Dir::Etc::sourcelist=$scratch/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
    -o "Dir::State::lists=$scratch/lists" -o "Dir::State::status=$scratch/status" -o "Dir::Cache=$scratch"
    -o APT::Sandbox::User=root -o Acquire::Languages=none)
  "${apt[@]}" update >&2
  (cd "$scratch/debs" && "${apt[@]}" download \
    python3.14 python3.14-minimal libpython3.14-minimal libpython3.14-stdlib libpython3.14-dev \
    libc6 libgcc-s1 libstdc++6 libssl3t64 libsqlite3-0 libffi8 libbz2-1.0 liblzma5 zlib1g libexpat1 libuuid1 \
    libreadline8t64 libtinfo6 libncursesw6 libzstd1 libdb5.3t64 libmpdec4 >&2)
  rm -rf "$folder"
  mkdir -p "$folder"
  for deb in "$scratch"/debs/*.deb; do dpkg-deb -x "$deb" "$folder"; done
  libraries=$(dirname "$(find "$folder/usr/lib" -name 'libc.so.6' | head -n 1)")
  patchelf --set-interpreter "$(find "$libraries" -name 'ld-linux-*.so.*' | head -n 1)" \
    --force-rpath --set-rpath "$libraries" "$python"
}

if from_path; then exit; fi
if works "$python"; then echo "$python"; exit; fi
if from_uv; then exit; fi
unpack_debian
works "$python" || { echo "python314.sh: the unpacked Python does not start" >&2; exit 1; }
echo "$python"
