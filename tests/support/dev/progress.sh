# SPDX-License-Identifier: MIT
# Progress: what is being done, for how long it ran, and its output only when it failed.
# shellcheck shell=bash

export DEV_BEGAN_S=$EPOCHSECONDS # the Python parts count from it too

# say TEXT...: one line with the time since ./dev began.
say() {
    printf '[%3d s] %s\n' $((EPOCHSECONDS - DEV_BEGAN_S)) "$*"
}

# quietly LOG WHAT COMMAND...: runs the command with its output in LOG, which is shown when
# it fails.
quietly() {
    local log=$1 what=$2
    shift 2
    mkdir -p "$(dirname "$log")"
    say "$what"
    if ! "$@" >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        say "failed: $what (all of it: $log)" >&2
        return 1
    fi
}
