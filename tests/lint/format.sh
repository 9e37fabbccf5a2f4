#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# format.sh [ROOT] - clang-format 14 is the referee of the layout.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lint/files.sh
. "$here/files.sh"
cd "${1:-$here/../..}"

files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror --style=file
