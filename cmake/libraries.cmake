# SPDX-License-Identifier: MIT
# The foreign libraries, each as one imported target. All come from Debian 12.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent>=2.1.8)
pkg_check_modules(EVENT_PTHREADS REQUIRED IMPORTED_TARGET libevent_pthreads>=2.1.8)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson>=1.7.15)
pkg_check_modules(MARIADB REQUIRED IMPORTED_TARGET libmariadb>=3.3)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl>=3.0)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih>=55)
pkg_check_modules(CRYPT REQUIRED IMPORTED_TARGET libxcrypt>=4.4)
