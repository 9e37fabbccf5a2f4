#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# words.sh [ROOT] - one word per thing, in code, SQL, Redis keys, logs and documents; and
# nothing that only means something on the machine where it was written.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lint/files.sh
. "$here/files.sh"
cd "${1:-$here/../..}"

# The word that is not ours, and the one that is. docs/words.md has the list for people.
WORDS="
tasks?                      job
consumers?                  worker
dead[-_]?letters?          dead
merchants?                  amicale
firemen|fireman             firefighter (pompier in data)
heartbeats?                 beat
backend                     back end
"
# Foreign names are not ours to choose: the simulator speaks Stripe's, the link to Redis
# hiredis'.
sources() {
    files '*.c' '*.h' '*.lua' '*.sql' '*.py' '*.sh' '*.md' 'dev' |
        grep -vE '^tests/(lint|stripesim)/|^docs/words\.md$|^common/link/(redis|resp)\.c$' || true
}

while read -r wrong right; do
    [ -n "$wrong" ] || continue
    while IFS=: read -r path line _; do
        complain "$path:$line" "\"$wrong\": the word is $right"
    done < <(sources | xargs -r grep -inwHE "$wrong" || true)
done <<<"$WORDS"

# Paths of one machine, in any text file.
while IFS=: read -r path line _; do
    complain "$path:$line" "a path of one machine"
done < <(files '*' | grep -v '^tests/lint/' |
    xargs -r grep -nIHE '(^|[^[:alnum:]_.])/(work|home|Users)/[[:alnum:]]' || true)

# Unfinished business belongs into an issue.
while IFS=: read -r path line _; do
    complain "$path:$line" "an unfinished mark: open an issue instead"
done < <(sources | xargs -r grep -nwHE 'TODO|FIXME|XXX|HACK' || true)
verdict
