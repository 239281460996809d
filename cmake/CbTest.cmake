# SPDX-License-Identifier: Apache-2.0
# cb_find_cmocka() - a clear end of the configuration where the tests are wanted and cmocka is not there
function(cb_find_cmocka)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(CMOCKA IMPORTED_TARGET GLOBAL cmocka)
  if(NOT CMOCKA_FOUND)
    message(FATAL_ERROR "The tests need cmocka (libcmocka-dev): `scripts/deps test` installs what they use, and "
                        "-DCLOCKBOUND_BUILD_TESTS=OFF builds without them.")
  endif()
endfunction()

# cb_add_test(NAME unit.client.now LABEL unit SOURCES now.c [LIBRARIES ...] [DEFINITIONS ...] [TIMEOUT s])
# A cmocka program and its ctest entry. The name is the path with dots; exit status 77 is a skip.
function(cb_add_test)
  cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBRARIES;DEFINITIONS" ${ARGN})
  string(REPLACE "." "_" target "test_${T_NAME}")
  add_executable(${target} ${T_SOURCES})
  target_compile_definitions(${target} PRIVATE CLOCKBOUND_IN_TREE ${T_DEFINITIONS})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE cb_warnings cb_sanitize clockbound_uapi ${T_LIBRARIES} PkgConfig::CMOCKA)
  target_compile_options(${target} PRIVATE -Werror=unused-function)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  cb_register_test(${T_NAME} ${T_LABEL} "${T_TIMEOUT}" $<TARGET_FILE:${target}>)
endfunction()

# cb_add_script_test(NAME e2e.demo LABEL e2e COMMAND script args... [TIMEOUT s])
function(cb_add_script_test)
  cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "COMMAND" ${ARGN})
  cb_register_test(${T_NAME} ${T_LABEL} "${T_TIMEOUT}" ${T_COMMAND})
endfunction()

function(cb_register_test name label timeout)
  if(NOT timeout)
    set(timeout 180) # a machine may be a third as fast, and busy
  endif()
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS ${label} SKIP_RETURN_CODE 77 TIMEOUT ${timeout}
    ENVIRONMENT "CLOCKBOUND_SOURCE_DIR=${CMAKE_SOURCE_DIR};CLOCKBOUND_BUILD_DIR=${CMAKE_BINARY_DIR}")
endfunction()
