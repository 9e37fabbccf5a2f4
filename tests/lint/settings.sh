#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# settings.sh SETTINGS_FILES - docs/settings.md says what the table of settings says.
set -euo pipefail
page=$(dirname "$(readlink -f "$0")")/../../docs/settings.md
if ! "$1" markdown | diff -u "$page" -; then
    echo "docs/settings.md is old: write it anew with  $1 markdown >docs/settings.md"
    exit 1
fi
