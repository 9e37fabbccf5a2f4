# SPDX-License-Identifier: MIT
# cmake -DSCRIPTS=<dir> -DNAMES=<a,b,...> -DOUT=<file.c> -P embed_scripts.cmake
#
# Writes a C file with `queue_scripts`: each script with lib.lua put in behind its first line
# (which carries the flags that Redis reads), and the SHA-1 that Redis will know it by.
file(READ ${SCRIPTS}/lib.lua lib)
string(REPLACE "," ";" names "${NAMES}")
set(rows "")
foreach(name IN LISTS names)
    file(READ ${SCRIPTS}/${name}.lua script)
    string(FIND "${script}" "\n" end)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${script}" 0 ${end} first)
    string(SUBSTRING "${script}" ${end} -1 rest)
    set(source "${first}${lib}${rest}")
    string(SHA1 sha1 "${source}")
    string(LENGTH "${source}" length)
    string(REPLACE "\\" "\\\\" literal "${source}")
    string(REPLACE "\"" "\\\"" literal "${literal}")
    string(REPLACE "\n" "\\n\"\n     \"" literal "${literal}")
    string(APPEND rows
           "    {\"${name}\",\n     \"${literal}\",\n     ${length},\n     \"${sha1}\"},\n")
endforeach()
file(WRITE ${OUT}.new
"/* Generated from schema/queue/ by schema/embed_scripts.cmake. */
#include \"common/link/queue.h\"

const struct queue_script queue_scripts[] = {
${rows}};
const size_t queue_scripts_count = sizeof(queue_scripts) / sizeof(queue_scripts[0]);
")
file(COPY_FILE ${OUT}.new ${OUT} ONLY_IF_DIFFERENT)
