# SPDX-License-Identifier: MIT
# headers_alone(<target> <header>...): each header compiles alone, and included twice over.
function(headers_alone target)
    if(NOT TOCSIN_TESTS)
        return()
    endif()
    set(sources "")
    foreach(header IN LISTS ARGN)
        string(MAKE_C_IDENTIFIER ${header} name)
        set(source ${CMAKE_CURRENT_BINARY_DIR}/alone/${name}.c)
        file(CONFIGURE OUTPUT ${source} @ONLY
             CONTENT "#include \"@header@\"\n#include \"@header@\"\ntypedef int @name@_stands_alone;\n")
        list(APPEND sources ${source})
    endforeach()
    add_library(${target}_headers_alone OBJECT ${sources})
    target_link_libraries(${target}_headers_alone PRIVATE house_flags)
endfunction()
