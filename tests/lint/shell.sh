#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shell.sh [ROOT] - shellcheck over every shell script.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lint/files.sh
. "$here/files.sh"
cd "${1:-$here/../..}"

files '*' | while read -r path; do
    case $path in
    *.sh) echo "$path" ;;
    *.*) ;;
    *) head -c 40 "$path" | head -n 1 | grep -qE '^#!.*\b(ba)?sh\b' && echo "$path" ;;
    esac
done | xargs -r shellcheck -x
