# SPDX-License-Identifier: Apache-2.0
# What brings facts into the daemon: its clocks, and one file or family for each reference.
target_sources(cbd PRIVATE clock.c source/chrony.c source/chrony_float.c source/chrony_socket.c source/chrony_wire.c source/phc.c
               source/phc_bound.c source/phc_find.c source/phc_ptp4l.c source/phc_ptp4l_wire.c source/phc_read.c
               source/phc_scale.c source/phc_servo.c source/phc_system.c source/phc_window.c source/vmclock.c
               source/vmclock_open.c)
