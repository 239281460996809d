# SPDX-License-Identifier: Apache-2.0
# cbctl and clockbound-bench on made-up files: no daemon, no chronyd, no privilege.
if(TARGET cbctl)
  add_executable(e2e_cbctl_files ${CMAKE_CURRENT_LIST_DIR}/cbctl_files.c)
  target_link_libraries(e2e_cbctl_files PRIVATE cb_warnings cb_sanitize clockbound_headers)
  set_target_properties(e2e_cbctl_files PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # Each function of these that stands at the beginning of a line and is a sentence is a test.
  foreach(script IN ITEMS cbctl.sh cbctl_daemon.sh)
    file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/${script} cases REGEX "^[a-z]+_[a-z]+_[a-z0-9_]+\\(\\) {$")
    foreach(case IN LISTS cases)
      string(REGEX REPLACE "\\(\\) {$" "" case "${case}")
      cb_add_script_test(NAME e2e.cbctl.${case} LABEL e2e
                         COMMAND ${CMAKE_CURRENT_LIST_DIR}/${script} $<TARGET_FILE:cbctl>
                                 $<TARGET_FILE:e2e_cbctl_files> ${case})
    endforeach()
  endforeach()
endif()
if(TARGET clockbound-bench)
  cb_add_script_test(NAME e2e.clockbound_bench LABEL e2e
                     COMMAND ${CMAKE_CURRENT_LIST_DIR}/cbctl_bench.sh $<TARGET_FILE:clockbound-bench>)
  # Of what is measured and packaged only. Not e2e.*, of which scripts/must-not-skip.txt lets none skip here: without a
  # counter for a clocksource there is nothing to compare.
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT CLOCKBOUND_SANITIZE)
    cb_add_script_test(NAME bench.now_ratios LABEL e2e TIMEOUT 600
                       COMMAND ${CMAKE_CURRENT_LIST_DIR}/bench_now_ratios.sh $<TARGET_FILE:clockbound-bench>)
    set_tests_properties(bench.now_ratios PROPERTIES RUN_SERIAL ON)
  endif()
endif()
