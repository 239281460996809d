# SPDX-License-Identifier: Apache-2.0
# What notices that somebody moved the clock.
target_sources(cbd PRIVATE probe/events.c probe/history.c probe/home.c probe/probe.c probe/size.c probe/timer.c)
if(CLOCKBOUND_BUILD_BPF)
  target_sources(cbd PRIVATE probe/bpf_calls.c probe/bpf_page.c probe/loader.c)
  target_link_libraries(cbd PUBLIC PkgConfig::LIBBPF PRIVATE page_skel update_skel calls_skel)
else()
  target_sources(cbd PRIVATE probe/bpf_none.c)
endif()
