# SPDX-License-Identifier: MIT
# cmake -DPAGES=<dir> -DOPENAPI=<file> -DOUT=<file.c> -P embed_pages.cmake
#
# Writes a C file with `pages`. A page is one file: the style sheet is put into it, and its
# Content-Security-Policy names that style by its hash, so that nothing else can run.

# SHA-256 of a text in base64, as a policy has it: three bytes are four digits.
function(base64_sha256 text out)
    set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    string(SHA256 hex "${text}")
    set(hex "${hex}00")
    set(result "")
    foreach(at RANGE 0 60 6)
        string(SUBSTRING ${hex} ${at} 6 group)
        foreach(shift 18 12 6 0)
            math(EXPR digit "(0x${group} >> ${shift}) & 63")
            string(SUBSTRING ${digits} ${digit} 1 one)
            string(APPEND result ${one})
        endforeach()
    endforeach()
    string(SUBSTRING ${result} 0 43 result) # 32 bytes are 43 digits and a sign
    set(${out} "${result}=" PARENT_SCOPE)
endfunction()

function(literal text out)
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
    set(${out} "\"${text}\"" PARENT_SCOPE)
endfunction()

set(bodies "")
set(rows "")
function(add_page name path type policy text)
    literal("${text}" body)
    string(SHA256 tag "${text}")
    string(SUBSTRING ${tag} 0 32 tag)
    string(APPEND bodies "static const char ${name}_body[] =\n    ${body};\n\n")
    string(APPEND rows
           "    {\"${path}\",\n     \"${type}\",\n"
           "     \"ETag: \\\"${tag}\\\"\\r\\nCache-Control: no-cache\\r\\n${policy}\",\n"
           "     \"\\\"${tag}\\\"\",\n     {${name}_body, sizeof(${name}_body) - 1}},\n")
    set(bodies "${bodies}" PARENT_SCOPE)
    set(rows "${rows}" PARENT_SCOPE)
endfunction()

file(READ ${PAGES}/page.css style)
base64_sha256("${style}" hash)
string(CONCAT policy "Content-Security-Policy: default-src 'none'; style-src "
       "'sha256-${hash}'; base-uri 'none'; form-action 'none'; "
       "frame-ancestors 'none'\\r\\n")
foreach(name success refresh)
    file(READ ${PAGES}/${name}.html page)
    string(REPLACE "<style></style>" "<style>${style}</style>" page "${page}")
    add_page(${name} /stripe/${name} "text/html; charset=utf-8" "${policy}" "${page}")
endforeach()
file(READ ${OPENAPI} openapi)
add_page(openapi /api/openapi.yaml application/yaml "" "${openapi}")

file(WRITE ${OUT}.new
"/* Generated from api/pages/ and api/openapi.yaml by api/embed_pages.cmake. */
#include \"api/pages.h\"

${bodies}const struct page pages[] = {
${rows}};
const size_t pages_count = sizeof(pages) / sizeof(pages[0]);
")
file(COPY_FILE ${OUT}.new ${OUT} ONLY_IF_DIFFERENT)
