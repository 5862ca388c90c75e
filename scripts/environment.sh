# Sourced by the other scripts: finds Python, makes virtual environments, installs system parts. Sets ROOT.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$@" >&2; }
die() { say "error: $*"; exit 1; }

have_uv() { uv --version >/dev/null 2>&1; }

# prints the first Python among the given names that starts and is 3.11 to 3.14
find_python() {
  local name
  for name in "$@"; do
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

# the Python of the tests: 3.11, from PATH or fetched by uv, else whatever of ours is there
test_python() {
  find_python python3.11 && return
  if have_uv; then echo 3.11; return; fi
  find_python python3 || die "no Python 3.11 found. Install it, or uv, which fetches it."
}

# make_environment DIR EXTRAS PYTHON: installs ./addon[EXTRAS] into ROOT/DIR, only when something changed since
make_environment() {
  local directory=$ROOT/$1 extras=$2 python=$3 wanted
  wanted="$ROOT $extras $python $(cat "$ROOT/addon/pyproject.toml" "$ROOT/addon/constraints.txt" | sha256sum)"
  if [ -x "$directory/bin/python" ] && [ "$(cat "$directory/.stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
  say "Setting up $1 ($extras); the next start will be quick."
  rm -rf "$directory"
  if have_uv; then
    uv venv --quiet --python "$python" "$directory"
    uv pip install --quiet --python "$directory/bin/python" -c "$ROOT/addon/constraints.txt" -e "$ROOT/addon[$extras]"
  else
    "$python" -m venv "$directory" ||
      die "$python cannot make a virtual environment. Install its venv package (Debian, Ubuntu: apt install python3-venv) or uv."
    "$directory/bin/python" -m pip install --quiet -c "$ROOT/addon/constraints.txt" -e "$ROOT/addon[$extras]"
  fi
  printf '%s' "$wanted" >"$directory/.stamp"
}

# make_pinned_environment DIR FILE PYTHON: installs exactly what ROOT/FILE pins into ROOT/DIR, only when something changed
make_pinned_environment() {
  local directory=$ROOT/$1 file=$ROOT/$2 python=$3 wanted
  wanted="$ROOT $python $(sha256sum <"$file")"
  if [ -x "$directory/bin/python" ] && [ "$(cat "$directory/.stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
  say "Setting up $1 ($2); the next start will be quick."
  rm -rf "$directory"
  if have_uv; then
    uv venv --quiet --python "$python" "$directory"
    uv pip install --quiet --no-deps --python "$directory/bin/python" -r "$file"
  else
    "$python" -m venv "$directory" || die "$python cannot make a virtual environment; install uv or Python's venv package."
    "$directory/bin/python" -m pip install --quiet --no-deps -r "$file"
  fi
  printf '%s' "$wanted" >"$directory/.stamp"
}

# puts uv on PATH, from the package index into ROOT/.cache: Debian's Python 3.14 has no ensurepip, so its venv module fails
fetch_uv() {
  local directory=$ROOT/.cache/uv python
  python=$(find_python python3.11 python3) || die "no Python 3.11 or newer found"
  if [ ! -x "$directory/bin/uv" ]; then
    say "Fetching uv, for the environments of Python 3.14."
    rm -rf "$directory"
    "$python" -m venv "$directory" || die "$python cannot make a virtual environment. Install its venv package or uv."
    "$directory/bin/python" -m pip install --quiet uv || die "cannot fetch uv; install it."
  fi
  PATH=$PATH:$directory/bin
}

# sets PYTHON314; fetched into ROOT/.cache where the machine has none
find_python314() {
  python3.14 -c 'import ensurepip' 2>/dev/null || have_uv || fetch_uv
  command -v python3.14 >/dev/null || command -v patchelf >/dev/null || install_packages "Python 3.14" patchelf
  PYTHON314=$("$ROOT/scripts/python314.sh" "$ROOT/.cache/python314") ||
    die "no Python 3.14; put python3.14 on PATH or install uv"
  if [[ $PYTHON314 = "$ROOT"/.cache/* ]]; then export CPATH=$ROOT/.cache/python314/usr/include; fi
}

# the integration's unit tests and types
make_ha_environment() { find_python314 && make_pinned_environment .venv-ha tests/requirements-ha.txt "$PYTHON314"; }

# a real Home Assistant
make_hass_environment() {
  find_python314
  # some of its packages have no wheel
  command -v g++ >/dev/null || install_packages "a real Home Assistant" g++
  make_pinned_environment .venv-hass tests/requirements-hass.txt "$PYTHON314"
  ldconfig -p 2>/dev/null | grep -q libturbojpeg || install_packages "Home Assistant's pictures" libturbojpeg0
}

# install_packages WHY NAME...: by apt, as root or with a sudo that does not ask; else says what is missing
install_packages() {
  local why=$1 as_root=()
  shift
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  say "Installing $* ($why)."
  export DEBIAN_FRONTEND=noninteractive
  if "${as_root[@]}" apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 ||
    { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -qq -y --no-install-recommends "$@"; } >/dev/null 2>&1
  then return; fi
  say "warning: could not install $*. Tests of $why will be skipped or fail; on Debian or Ubuntu: sudo apt install $*"
}
