#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# manpages.sh [ROOT] - mandoc finds nothing to warn about in the manual pages.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lint/files.sh
. "$here/files.sh"
cd "${1:-$here/../..}"

files 'docs/man/*' | xargs -r mandoc -T lint -W warning
