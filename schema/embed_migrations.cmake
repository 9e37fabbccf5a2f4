# SPDX-License-Identifier: MIT
# Writes the migrations into a C file: cmake -DOUT=file.c -DFILES=a.sql;b.sql -P this.
set(bodies "")
set(rows "")
foreach(file IN LISTS FILES)
    get_filename_component(name ${file} NAME_WE)
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
        message(FATAL_ERROR "${file} is not named NNNN_what.sql")
    endif()
    math(EXPR version "${CMAKE_MATCH_1}")
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x..,){16})" "\\1\n    " bytes "${bytes}")
    string(APPEND bodies "static const unsigned char sql_${name}[] = {\n    ${bytes}0};\n")
    string(APPEND rows
           "    {${version}, \"${name}\", (const char *)sql_${name}, sizeof(sql_${name}) - 1},\n")
endforeach()
file(WRITE ${OUT} "/* Made from schema/migrations by schema/embed_migrations.cmake. */
#include \"ctl/migration.h\"

${bodies}
const struct migration migrations[] = {
${rows}};
const size_t migrations_count = sizeof(migrations) / sizeof(migrations[0]);
")
