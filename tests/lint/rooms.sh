#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# rooms.sh [ROOT] - who may include whom, and which files may name a foreign library.
# Both rules are read off the #include lines; nothing is compiled.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lint/files.sh
. "$here/files.sh"
cd "${1:-$here/../..}"

# room: the rooms that its files may include, itself among them. Tests see all.
declare -A SEES=(
    [base]="base"
    [model]="base model"
    [link]="base model link"
    [api]="base model link api"
    [worker]="base model link worker"
    [ctl]="base model link ctl"
    [systemd]="base"
)

# The foreign headers that only some files may name: pattern of the header, then of the
# files. Tests may name all of them.
FOREIGN="
hiredis/*       common/link/redis.c common/link/resp.c
event2/*        api/*.c
mysql*          common/link/mariadb.c common/link/mariadb_link.c common/link/mariadb_statement.c
mariadb*        common/link/mariadb.c
cjson/*         common/base/json.c
curl/*          common/link/stripe.c worker/mailer.c
openssl/*       common/base/digest.c common/base/seal.c api/stream.c api/tls.c
ini.h           common/base/settings_sources.c
crypt.h         common/base/password.c
"

# room_of PATH: in ROOM, since a subshell for each of thousands of lines takes long.
room_of() {
    case $1 in
    common/base/*) ROOM="base" ;;
    common/model/*) ROOM="model" ;;
    common/link/*) ROOM="link" ;;
    api/* | worker/* | ctl/* | systemd/*) ROOM=${1%%/*} ;;
    tests/*) ROOM="tests" ;;
    *) ROOM="none" ;;
    esac
}

# Ours: "common/base/text.h" from worker/slots.c.
check_ours() {
    local file=$1 header=$2 from to
    room_of "$file"
    from=$ROOM
    room_of "$header"
    to=$ROOM
    if [ "$to" = none ]; then
        complain "$file" "includes \"$header\", which names no room"
    elif [ "$from" = none ]; then
        complain "$file" "stands in no room"
    elif [ "$from" != tests ] && [[ " ${SEES[$from]} " != *" $to "* ]]; then
        complain "$file" "$from may not include $to ($header)"
    fi
}

# Foreign: <curl/curl.h> from common/link/stripe.c. Headers of the system are in no row.
check_foreign() {
    local file=$1 header=$2 pattern allowed one
    room_of "$file"
    [ "$ROOM" != tests ] || return 0
    while read -r pattern allowed; do
        # shellcheck disable=SC2053  # the right side is a pattern
        [[ -n $pattern && $header == $pattern ]] || continue
        if [[ $file == *.h ]]; then
            complain "$file" "a foreign type may not stand in a header (<$header>)"
            return
        fi
        for one in $allowed; do
            # shellcheck disable=SC2053
            [[ $file == $one ]] && return
        done
        complain "$file" "may not include <$header>; only $allowed may"
    done <<<"$FOREIGN"
}

while IFS=: read -r file line; do
    header=${line#*[\"<]}
    header=${header%%[\">]*}
    case $line in
    *\"*) check_ours "$file" "$header" ;;
    *) check_foreign "$file" "$header" ;;
    esac
done < <(files '*.c' '*.h' | xargs -r grep -HE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' || true)
verdict
