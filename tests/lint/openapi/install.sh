#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# install.sh DIRECTORY - the linter's packages, as package-lock.json has them, below
# DIRECTORY. Does nothing when they are there.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
mkdir -p "$1"
cd "$1"

exec 9>lock # several may come at once
flock 9
cmp -s "$here/package-lock.json" installed.json && exit 0
cp "$here/package.json" "$here/package-lock.json" .
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
cp package-lock.json installed.json
