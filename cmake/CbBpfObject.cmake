# SPDX-License-Identifier: Apache-2.0
# cb_find_bpf(result): whether eBPF programs can be built, and PkgConfig::LIBBPF; else says what is missing.
# cb_add_bpf_object(NAME update SOURCE update.bpf.c): INTERFACE target update_skel with <update.skel.h>, whose names
# begin with cb_update. No header of the build machine's kernel is read but the stable ones in /usr/include.
function(cb_find_bpf result)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(LIBBPF IMPORTED_TARGET GLOBAL libbpf>=0.8)
  find_program(CLOCKBOUND_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
  find_program(CLOCKBOUND_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin)
  mark_as_advanced(CLOCKBOUND_CLANG CLOCKBOUND_BPFTOOL)
  set(missing "")
  foreach(what "LIBBPF_FOUND;libbpf" "CLOCKBOUND_CLANG;clang" "CLOCKBOUND_BPFTOOL;bpftool")
    list(GET what 0 variable)
    list(GET what 1 name)
    if(NOT ${variable})
      string(APPEND missing " ${name}")
    endif()
  endforeach()
  if(missing)
    message(STATUS "eBPF programs cannot be built, missing:${missing}")
    set(${result} OFF PARENT_SCOPE)
  else()
    set(${result} ON PARENT_SCOPE)
  endif()
endfunction()

function(cb_add_bpf_object)
  cmake_parse_arguments(B "" "NAME;SOURCE" "" ${ARGN})
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${B_SOURCE})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${B_NAME}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/include/${B_NAME}.skel.h)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set(arch arm64)
  else()
    set(arch x86)
  endif()
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CLOCKBOUND_CLANG} -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_${arch} -Wall -Werror
            -I${CMAKE_SOURCE_DIR}/uapi -I${CMAKE_CURRENT_SOURCE_DIR} -idirafter /usr/include
            -idirafter /usr/include/${CMAKE_C_LIBRARY_ARCHITECTURE} -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/include
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" > \"$4\"" sh ${CLOCKBOUND_BPFTOOL} ${object} cb_${B_NAME}
            ${skeleton}
    DEPENDS ${object} VERBATIM)
  add_custom_target(${B_NAME}_skel_made DEPENDS ${skeleton})
  add_library(${B_NAME}_skel INTERFACE)
  add_dependencies(${B_NAME}_skel ${B_NAME}_skel_made)
  # SYSTEM: generated code is not held to our warnings.
  target_include_directories(${B_NAME}_skel SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR}/include)
endfunction()
