# SPDX-License-Identifier: Apache-2.0
# The daemon's clocks and its conversation with chronyd, against a fake chronyd and, if one is named, a real one.
add_library(fake_chrony STATIC ${CMAKE_SOURCE_DIR}/tests/harness/fake_chrony.c)
target_include_directories(fake_chrony PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(fake_chrony PRIVATE cb_warnings cb_sanitize m)

cb_add_test(NAME unit.daemon.clock LABEL unit SOURCES clock.c LIBRARIES cbd)
cb_add_test(NAME unit.daemon.source.chrony_float LABEL unit SOURCES source/chrony_float.c LIBRARIES cbd m)
cb_add_test(NAME unit.daemon.source.chrony_wire LABEL unit SOURCES source/chrony_wire.c
            LIBRARIES cbd fake_chrony m)
cb_add_test(NAME unit.daemon.source.chrony LABEL unit SOURCES source/chrony.c source/fixture.c
            LIBRARIES cbd fake_chrony)
cb_add_test(NAME unit.daemon.source.chrony_replies LABEL unit SOURCES source/chrony_replies.c source/fixture.c
            LIBRARIES cbd fake_chrony)
cb_add_test(NAME unit.daemon.source.chrony_socket LABEL unit SOURCES source/chrony_socket.c source/fixture.c
            LIBRARIES cbd fake_chrony)
cb_add_test(NAME unit.daemon.source.chrony_real LABEL unit SOURCES source/chrony_real.c LIBRARIES cbd)
foreach(name IN ITEMS phc phc_by_driver phc_find phc_ptp4l phc_with_ptp4l phc_read phc_steer)
  cb_add_test(NAME unit.daemon.source.${name} LABEL unit SOURCES source/${name}.c source/phc_fake.c source/ptp4l_fake.c
              LIBRARIES cbd)
endforeach()
cb_add_test(NAME unit.daemon.source.phc_ptp4l_wire LABEL unit SOURCES source/phc_ptp4l_wire.c LIBRARIES cbd)
cb_add_test(NAME unit.daemon.source.phc_servo LABEL unit SOURCES source/phc_servo.c LIBRARIES cbd m)
cb_add_test(NAME unit.daemon.source.vmclock LABEL unit SOURCES source/vmclock.c LIBRARIES cbd)
cb_add_test(NAME unit.daemon.source.vmclock_open LABEL unit SOURCES source/vmclock_open.c LIBRARIES cbd)
