# SPDX-License-Identifier: MIT
# The tests: which parts there are, and one closing line over all of them.
# shellcheck shell=bash

RESULTS=build/results # one JUnit file for each part that ran
BROKEN=0              # parts that could not run at all
# Tests with servers wait more than they work: for leases, retries and limits to run out.
WAITING=$((2 * $(nproc)))

suite() {
    local part=${1:-ci}
    need_packages build run test bench
    rm -rf "$RESULTS"
    mkdir -p "$RESULTS"
    case $part in
    unit) suite_unit ;;
    lint) suite_lint ;;
    integration) suite_integration "not slow" ;;
    browser) suite_browser ;;
    fuzz) suite_fuzz 20 ;;
    ci)
        suite_lint
        suite_unit
        suite_fuzz 5
        suite_threads
        suite_integration "not slow"
        ;;
    all)
        suite_lint
        suite_tidy
        suite_unit
        suite_fuzz 60
        suite_threads
        suite_integration "slow or not slow"
        suite_browser
        ;;
    *)
        echo "dev: no part \"$part\" of the tests" >&2
        return 2
        ;;
    esac
    python -m support.tally "$BROKEN" "$RESULTS"/*.xml
}

# built PRESET [TARGET...]: builds; when that fails the part is counted as broken, and the
# other parts go on.
built() {
    build "$@" || {
        BROKEN=$((BROKEN + 1))
        return 1
    }
}

# Plain rules about the sources, and the warnings of both compilers.
suite_lint() {
    quietly build/log/openapi "installing the linter of api/openapi.yaml" \
        tests/lint/openapi/install.sh build/openapi || BROKEN=$((BROKEN + 1))
    if built asan; then run_ctest asan lint; fi
    built clang || true
}

suite_tidy() {
    built clang || return 0
    quietly build/log/clang-tidy "clang-tidy" run-clang-tidy -quiet -p build/clang \
        -j "$(nproc)" "$PWD/(common|api|worker|ctl|systemd)/" || BROKEN=$((BROKEN + 1))
}

# What needs no server, with the address, undefined-behaviour and thread sanitizers.
suite_unit() {
    if built asan; then run_ctest asan unit; fi
    if built tsan; then run_ctest tsan unit; fi
}

suite_fuzz() {
    if built fuzz fuzzers; then FUZZ_SECONDS=$1 run_ctest fuzz fuzz; fi
}

# Real servers, our programs with the address and undefined-behaviour sanitizers; as they
# are shipped where memory or time is measured.
suite_integration() {
    if built asan; then
        run_pytest asan integration tests/integration "($1) and not plain" -n "$WAITING"
    fi
    if built release; then run_pytest release plain tests/integration plain; fi
}

# What people see, in a real browser; pictures of it go to build/browser.
suite_browser() {
    if ! need_packages browser; then
        BROKEN=$((BROKEN + 1))
        return 0
    fi
    if built asan; then run_pytest asan browser tests/browser ""; fi
}

# The threaded parts under load, with ThreadSanitizer.
suite_threads() {
    # They are few and long, so they go to the processes one by one.
    if built tsan; then
        run_pytest tsan threads tests/integration threads -n "$WAITING" --dist load
    fi
}

# run_ctest PRESET LABEL
run_ctest() {
    say "tests: $2 ($1)"
    ctest --test-dir "build/$1" -L "^$2\$" -j "$(nproc)" --output-on-failure --progress \
        --no-tests=error --output-junit "$PWD/$RESULTS/$2-$1.xml" || true
    [ -s "$RESULTS/$2-$1.xml" ] || BROKEN=$((BROKEN + 1))
}

# run_pytest PRESET NAME DIRECTORY MARKERS [WORD...]: later words win over earlier ones.
run_pytest() {
    say "tests: $2 ($1)"
    TOCSIN_BUILD=build/$1 python -m pytest -c tests/pytest.ini --rootdir tests -q \
        -p no:cacheprovider --durations=5 -n "$(nproc)" --dist loadfile -m "$4" \
        --junitxml "$RESULTS/$2-$1.xml" "$3" "${@:5}" || true
    [ -s "$RESULTS/$2-$1.xml" ] || BROKEN=$((BROKEN + 1))
}
