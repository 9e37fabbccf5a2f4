# SPDX-License-Identifier: MIT
# Which files the lints read: those that git would keep.
# shellcheck shell=bash

# files PATTERN...: paths below the current directory, one a line.
files() {
    if [ -e .git ]; then
        git ls-files --cached --others --exclude-standard -- "$@" | sort -u |
            while read -r path; do [ -f "$path" ] && echo "$path"; done
    else
        local pattern
        for pattern in "$@"; do
            find . -path ./build -prune -o -path ./.git -prune -o -type f \
                -path "./$pattern" -print
        done | sed 's|^\./||' | sort -u
    fi
}

FAILURES=0
# complain WHERE WHAT
complain() {
    echo "$1: $2"
    FAILURES=$((FAILURES + 1))
}
# verdict: the exit status of a lint.
verdict() {
    [ "$FAILURES" -eq 0 ] || echo "$FAILURES complaint(s)"
    [ "$FAILURES" -eq 0 ]
}
