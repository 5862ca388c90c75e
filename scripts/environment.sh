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
