#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# /init of the virtual machines: mounts, network, then the scenario, then off. Runs under busybox.
export PATH=/bin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tracefs trace /sys/kernel/tracing
mount -t securityfs security /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
stty -F /dev/ttyS1 raw -echo
exec 3>/dev/ttyS1
while read -r module; do
	insmod "/modules/$module.ko" || echo "init: insmod $module failed"
done </modules/order
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0

. /vm/env.sh
. /vm/guest.sh
. "/vm/scenarios/$SCENARIO.sh"
done_testing
# Setting the terminal waits until it has sent everything.
stty -F /dev/ttyS1 raw
poweroff -f
