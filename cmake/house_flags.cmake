# SPDX-License-Identifier: MIT
# house_flags: what every target of ours is compiled with. An INTERFACE target, so that
# nothing is set for a whole directory.
add_library(house_flags INTERFACE)
target_compile_features(house_flags INTERFACE c_std_17)
target_include_directories(house_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(house_flags INTERFACE _GNU_SOURCE
                           TOCSIN_VERSION="${PROJECT_VERSION}")
target_compile_options(house_flags INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -Wswitch-enum -Wundef -Wvla -Wwrite-strings -Wcast-qual
    -fvisibility=hidden -fPIE -fno-common
    -UNDEBUG # assertions guard promises between modules, in release builds too
    # clang counts assert(!"what went wrong") as a conversion.
    $<$<C_COMPILER_ID:Clang>:-Wno-string-conversion>
    $<$<BOOL:${TOCSIN_WERROR}>:-Werror>)
target_link_options(house_flags INTERFACE -pie)

if(TOCSIN_SANITIZE)
    target_compile_options(house_flags INTERFACE
        -fsanitize=${TOCSIN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(house_flags INTERFACE -fsanitize=${TOCSIN_SANITIZE})
    if(TOCSIN_SANITIZE MATCHES "address")
        target_compile_definitions(house_flags INTERFACE TOCSIN_ARENA_MALLOC=1)
    endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" OR CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(house_flags INTERFACE
        -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
        -fstack-clash-protection)
    target_link_options(house_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
endif()
if(TOCSIN_FUZZ)
    target_compile_options(house_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(TOCSIN_COVERAGE)
    target_compile_options(house_flags INTERFACE --coverage)
    target_link_options(house_flags INTERFACE --coverage)
endif()
