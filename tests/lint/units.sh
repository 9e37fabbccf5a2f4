#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# units.sh BUILD_DIR - systemd-analyze finds nothing wrong with the units, and prints how
# exposed the services are. The programs stand in BUILD_DIR, not where the units will find
# them, so copies of the units that name BUILD_DIR are looked at.
set -euo pipefail
build=$(readlink -f "$1")
cd "$(dirname "$(readlink -f "$0")")/../.."
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT

for unit in systemd/*.socket systemd/*.service systemd/*.target; do
    sed -e "s|/usr/bin/tocsin-api|$build/api/tocsin-api|" \
        -e "s|/usr/bin/tocsin-worker|$build/worker/tocsin-worker|" \
        "$unit" >"$copies/$(basename "$unit")"
done
cp "$copies/tocsin-worker@.service" "$copies/tocsin-worker@1.service"

# Only these units count: what else is installed on this machine is not ours to judge.
words=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --recursive-errors=no --man=no \
    "$copies"/tocsin-api{,-tls}.socket "$copies/tocsin-api.service" "$copies/tocsin-worker@1.service" \
    "$copies/tocsin.target" 2>&1) || { echo "$words"; exit 1; }
if [ -n "$words" ]; then
    echo "$words"
    exit 1
fi

for unit in tocsin-api.service tocsin-worker@1.service; do
    systemd-analyze security --offline=yes --threshold=20 --no-pager "$copies/$unit" |
        grep -F 'Overall exposure level'
done
systemd-sysusers --dry-run "$PWD/systemd/tocsin.sysusers"
