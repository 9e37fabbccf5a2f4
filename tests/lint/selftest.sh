#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# selftest.sh - every lint passes on a clean tree and fails on one with its fault in it.
# shellcheck disable=SC2016  # the files that are written expand later
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

clean_tree() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/common/{base,model,link} "$tree"/{api,worker,ctl,docs/man,tests/unit}
    cp "$here/../../.clang-format" "$tree/"
    echo '#include "common/base/text.h"' >"$tree/common/model/job.h"
    echo '#include <hiredis/hiredis.h>' >"$tree/common/link/redis.c"
    echo '#include "worker/slots.h"' >"$tree/tests/unit/test_slots.c"
    printf '#!/bin/sh\necho "$1"\n' >"$tree/run"
    printf '.Dd May 1, 2026\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Nd y\n' >"$tree/docs/man/x.1"
    echo 'A job is taken by a worker.' >"$tree/docs/words-in-use.md"
}

# expect pass|fail LINT WHAT
expect() {
    local got=pass
    "$here/$2.sh" "$tree" >"$tree/output" 2>&1 || got=fail
    if [ "$got" = "$1" ]; then
        echo "ok: $2: $3"
    else
        echo "WRONG: $2: $3: expected to $1"
        cat "$tree/output"
        failures=$((failures + 1))
    fi
    rm -f "$tree/output"
}

# fault LINT WHAT FILE LINE: the lint fails once the line stands in the file.
fault() {
    clean_tree
    printf '%s\n' "$4" >>"$tree/$3"
    expect fail "$1" "$2"
}

clean_tree
for lint in rooms format shell words manpages; do
    expect pass "$lint" "a clean tree"
done
fault rooms "base includes model" common/base/text.c '#include "common/model/job.h"'
fault rooms "link includes worker" common/link/queue.c '#include "worker/slots.h"'
fault rooms "worker includes api" worker/slots.c '#include "api/http.h"'
fault rooms "an include without a room" worker/slots.c '#include "slots.h"'
fault rooms "curl in the front door" api/server.c '#include <curl/curl.h>'
fault rooms "a foreign type in a header" common/link/redis.h '#include <hiredis/hiredis.h>'
fault format "a line that clang-format would change" common/base/text.c 'int  x ;'
fault shell "an unquoted variable" run 'rm $1/x'
fault words "a word that is not ours" docs/words-in-use.md 'The task is queued.'
fault words "a path of one machine" docs/words-in-use.md 'See /home/someone/notes.'
fault words "an unfinished mark" worker/slots.c '/* TODO later */'
fault manpages "an unknown macro" docs/man/x.1 '.Xx what'

# contract_fault WHAT SED: the lint of openapi fails once api/openapi.yaml was changed so.
contract_tree() {
    clean_tree
    cp "$here/../../api/openapi.yaml" "$here/../../api/problem.c" "$tree/api/"
    cp "$here/../../common/model/problem.c" "$tree/common/model/"
}
contract_fault() {
    contract_tree
    sed -i "$2" "$tree/api/openapi.yaml"
    expect fail openapi "$1"
}

contract_tree
expect pass openapi "the description as it is"
contract_fault "an operation id that is there twice" 's/operationId: logout/operationId: login/'
contract_fault "a reference to nothing" "s#schemas/Cancel'#schemas/Cancl'#"
contract_fault "an example of the wrong type" 's/ amount: 1500$/ amount: much/'
contract_fault "an example with a member that has no schema" 's/^\( *\)alive: true$/&\n\1mood: good/'
contract_fault "a problem in other words" 's/title: Introuvable/title: Perdu/'
contract_fault "a problem that the front door does not have" 's/^            - wrong_state$/&\n            - bad_mood/'
[ "$failures" -eq 0 ]
