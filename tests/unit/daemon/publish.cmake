# SPDX-License-Identifier: Apache-2.0
# The writers are built again with their injection points; the archive's own are then not linked.
foreach(writer IN ITEMS page_writer shm_writer)
  cb_add_test(NAME unit.daemon.publish.${writer} LABEL unit TIMEOUT 120
              SOURCES publish/${writer}.c ${CMAKE_SOURCE_DIR}/daemon/publish/${writer}.c LIBRARIES cbd
              DEFINITIONS CBD_INJECT CLOCKBOUND_PRIV_TEST_COUNTER)
endforeach()
foreach(name IN ITEMS mapping page_home page_rate page_words publish)
  cb_add_test(NAME unit.daemon.publish.${name} LABEL unit SOURCES publish/${name}.c LIBRARIES cbd)
endforeach()
foreach(name IN ITEMS config control control_vm injection control_passing control_probe control_rights log loop_probe privileges probe_events probe_sizes schedule)
  cb_add_test(NAME unit.daemon.${name} LABEL unit SOURCES ${name}.c LIBRARIES cbd)
endforeach()
cb_add_test(NAME unit.daemon.loop LABEL unit TIMEOUT 180
            SOURCES loop.c ${CMAKE_SOURCE_DIR}/tests/harness/fake_chrony.c LIBRARIES cbd m)
