# SPDX-License-Identifier: MIT
# Building the presets.
# shellcheck shell=bash

# build PRESET [TARGET...]: configures when it is not yet, and builds.
build() {
    local preset=$1
    shift
    [ -f "build/$preset/build.ninja" ] ||
        quietly "build/log/configure-$preset" "configuring $preset" cmake --preset "$preset"
    quietly "build/log/build-$preset" "building $preset" \
        cmake --build "build/$preset" ${1:+--target "$@"} -- --quiet
}
