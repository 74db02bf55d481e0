#!/usr/bin/env bash
# Installs what `make test` (or, with the argument `bench`, `make bench`) needs and this machine lacks, where it may; says
# what is missing, where it may not.
set -euo pipefail

missing=()
command -v cargo >/dev/null || { echo "needs: Rust (https://rustup.rs), the version in Cargo.toml's rust-version or newer" >&2; exit 1; }
# ring, mimalloc and SQLite are built from C.
command -v cc >/dev/null || missing+=(gcc libc6-dev)
case "${1:-test}" in
  test)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
    command -v npm >/dev/null || missing+=(nodejs npm)
    # The same stories run on Postgres and Redis. Debian puts Postgres' programs where no PATH leads.
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
    command -v psql >/dev/null || missing+=(postgresql-client)
    command -v redis-server >/dev/null || missing+=(redis-server)
    # Throw-away certificates for a Redis that speaks TLS.
    command -v openssl >/dev/null || missing+=(openssl)
    command -v runuser >/dev/null || missing+=(util-linux)
    ;;
  bench)
    # The yardstick, and what keeps each program on its core. Debian puts nginx where only root's PATH leads.
    PATH="$PATH:/usr/sbin" command -v nginx >/dev/null || missing+=(nginx-light)
    command -v taskset >/dev/null || missing+=(util-linux)
    # The servers of a cluster.
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
    command -v psql >/dev/null || missing+=(postgresql-client)
    command -v redis-server >/dev/null || missing+=(redis-server)
    ;;
  valgrind)
    command -v valgrind >/dev/null || missing+=(valgrind)
    ;;
  *) echo "usage: needs.sh [test|bench|valgrind]" >&2; exit 2 ;;
esac
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  else
    echo "needs: please install: ${missing[*]}" >&2
    exit 1
  fi
fi
command -v apt-get >/dev/null || { echo "needs: please install the like of: ${missing[*]}" >&2; exit 1; }
echo "needs: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
