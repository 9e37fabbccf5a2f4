# SPDX-License-Identifier: MIT
# The Debian packages that each sort of work needs, and how they are installed.
# shellcheck shell=bash

declare -A PACKAGES
PACKAGES[build]="gcc libc6-dev cmake ninja-build pkg-config libevent-dev libhiredis-dev
    libcurl4-openssl-dev libcjson-dev libmariadb-dev libssl-dev libinih-dev libcrypt-dev
    libcmocka-dev"
# mariadb-server-core has the server without a system service.
PACKAGES[run]="python3 redis-server mariadb-server-core mariadb-client-core openssl
    python3-redis python3-pymysql python3-aiosmtpd"
PACKAGES[test]="clang libclang-rt-14-dev clang-format clang-tidy shellcheck mandoc systemd
    python3-pytest python3-pytest-xdist python3-stripe python3-jsonschema python3-yaml
    nodejs npm curl jq faketime git"
PACKAGES[bench]="nginx-light wrk"
PACKAGES[browser]="chromium chromium-driver python3-selenium"
# Installing one of these packages would start a service of the system.
SERVICES="redis-server nginx"

# need_packages GROUP...: installs what is missing of these groups, and says what.
need_packages() {
    local group package missing=()
    for group in "$@"; do
        for package in ${PACKAGES[$group]}; do
            is_installed "$package" || missing+=("$package")
        done
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "installing from Debian: ${missing[*]}"
    install_packages "${missing[@]}"
}

# Some builds of nodejs bring npm with them; Debian's npm is not wanted beside those.
is_installed() {
    case $1 in
    nodejs) command -v node >/dev/null && return ;;
    npm) command -v npm >/dev/null && return ;;
    esac
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "dev: to install, run as root: apt-get install $*" >&2
            return 1
        fi
        root=(sudo)
    fi
    local before after=0
    before=$(running_services)
    forbid_services "${root[@]}"
    # The package lists of a fresh machine are empty or old.
    quietly build/log/apt-update "reading Debian's package lists" \
        "${root[@]}" apt-get -o DPkg::Lock::Timeout=300 -q update &&
        quietly build/log/apt-install "installing" \
            "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
            -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" || after=1
    allow_services "${root[@]}"
    leave_services_stopped "$before" "${root[@]}"
    return $after
}

# While packages are installed, their services are not started: policy-rc.d says no. One
# that is there already is left as it is.
FORBIDDEN=no
forbid_services() {
    [ -e /usr/sbin/policy-rc.d ] && return
    FORBIDDEN=yes
    trap 'allow_services '"$*" EXIT
    printf '#!/bin/sh\nexit 101\n' | "$@" tee /usr/sbin/policy-rc.d >/dev/null
    "$@" chmod 755 /usr/sbin/policy-rc.d
}

allow_services() {
    [ "$FORBIDDEN" = yes ] || return 0
    FORBIDDEN=no
    trap - EXIT
    "$@" rm -f /usr/sbin/policy-rc.d
}

running_services() {
    [ -d /run/systemd/system ] || return 0
    local service
    for service in $SERVICES; do
        if systemctl is-active --quiet "$service" ||
            systemctl is-enabled --quiet "$service" 2>/dev/null; then
            echo "$service"
        fi
    done
}

# leave_services_stopped BEFORE [sudo]: what was neither running nor enabled BEFORE is so
# again.
leave_services_stopped() {
    local before=$1 service
    shift
    for service in $(running_services); do
        if ! grep -qxF "$service" <<<"$before"; then
            "$@" systemctl --quiet disable --now "$service" >/dev/null 2>&1 ||
                say "could not stop $service, which the installation started"
        fi
    done
}
