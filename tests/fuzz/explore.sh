#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# explore.sh FUZZER SEEDS CORPUS - fuzzes for $FUZZ_SECONDS (default 10). What is new goes to
# CORPUS, which the next run starts from; an input that fails stays beside it.
set -euo pipefail
fuzzer=$1 seeds=$2 corpus=$3
mkdir -p "$corpus"
[ -n "$(ls -A "$seeds")" ] || { echo "no seeds in $seeds" >&2; exit 1; }
exec "$fuzzer" "$corpus" "$seeds" -max_total_time="${FUZZ_SECONDS:-10}" -timeout=5 \
    -rss_limit_mb=1024 -max_len=70000 -print_final_stats=1 -verbosity=1 \
    -artifact_prefix="$corpus/../failed-$(basename "$corpus")-"
