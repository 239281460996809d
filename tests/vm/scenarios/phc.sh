# SPDX-License-Identifier: Apache-2.0
# A PTP hardware clock is the truth: chronyd follows it, three daemons ask chronyd, one of them adds the device's error
# as upstream does, another one also reads the device. While the device is slewed by 40 ppm to either side, chronyd is
# stopped and started and the clock is stepped, no valid interval excludes the device's time. Then its driver is bound
# anew.
# qemu: -device igb,romfile=
BOUND_NS=1000
settle
DEVICE=$(ls -d /sys/class/net/*/device/ptp/ptp* | head -n 1)
INTERFACE=$(echo "$DEVICE" | cut -d/ -f5)
DEVICE=/dev/$(basename "$DEVICE")
note "device $DEVICE of $INTERFACE: $(cat /sys/class/ptp/*/clock_name)"

phc_chronyd_start() {
	mkdir -p -m 0750 /run/chrony
	cat >/tmp/chrony.conf <<END
refclock PHC $1 poll 0 dpoll -2 offset 0 refid PHC0
makestep 0.1 -1
cmdport 0
bindcmdaddress /run/chrony/chronyd.sock
pidfile /run/chrony/chronyd.pid
END
	chronyd -d -u root -F 0 -f /tmp/chrony.conf >>/tmp/chronyd.log 2>&1 </dev/null &
	CHRONYD_PID=$!
}

# three_start - the daemons, on a page each
three_start() {
	local way
	for way in alone follow own; do
		RUN=/run/$way
		case $way in
		alone) daemon_start --probe "$PROBE" ;;
		follow) daemon_start --probe "$PROBE" -r PHC0 -i "$INTERFACE" --phc-error-bound-ns $BOUND_NS ;;
		own) daemon_start --probe "$PROBE" -r PHC0 -i "$INTERFACE" --phc-device "$INTERFACE" --phc-error-bound-ns $BOUND_NS ;;
		esac
	done
}

all_valid() {
	for RUN in /run/alone /run/follow /run/own; do
		is_valid || return 1
	done
}

# phc_is STATE - what cbctl says of the device that the third daemon reads
phc_is() {
	cbctl --runtime-dir /run/own status | grep -q "^PHC  .*, $1, read as a source"
}

# polls - of chronyd by the third daemon, so far
polls() {
	cbctl --runtime-dir /run/own status --json | sed -n 's/.*"polls": *\([0-9]*\).*/\1/p' | head -n 1
}

uptime_tenths() {
	sed 's/ .*//; s/\.\(.\).*/\1/' /proc/uptime
}

# disturb SECONDS - what happens in the second half, while reads go on
disturb() {
	local part=$(($1 / 10))
	sleep $((5 * part)) && killall chronyd
	sleep $part && phc_chronyd_start "$DEVICE"
	sleep $part && date -s "@$(($(date +%s) + 5))" >/dev/null
	sleep $part && date -s "@$(($(date +%s) - 2))" >/dev/null
}

phc_chronyd_start "$DEVICE"
three_start
if ! wait_until 180 all_valid; then
	not_ok "harness: the daemons come to valid intervals"
	give_up
fi
ok "the daemons come to valid intervals"
check "the third reads the device" wait_until 60 phc_is good
sleep 5
disturb "$PHC_SECONDS" &
DISTURB_PID=$!
forward vm_phc watch "$DEVICE" "$PHC_SECONDS" "$((PHC_SECONDS * 170))" /run/alone /run/follow /run/own
[ "$status" -eq 0 ] && ok "no valid interval excludes the device's time" ||
	not_ok "no valid interval excludes the device's time"
wait "$DISTURB_PID"
# median WAY - as the program has told it
median() {
	sed -n "s|^median width /run/$1 ||p" /tmp/forward.out
}
note "median widths in ns: chronyd alone $(median alone), upstream's rule $(median follow), own source $(median own)"
check "with the device as a source of its own at most half as wide as chronyd alone" \
	[ "$(($(median own) * 2))" -le "$(median alone)" ]
# The charge is a microsecond or two, and two daemons' medians differ by more: the term is what tells.
adds_the_error() {
	cbctl --runtime-dir /run/follow explain --json >/tmp/explain.out 2>&1
	tr -d ' \n' </tmp/explain.out | grep -oE '"name":"phc_ns","ns":[0-9]+|"ns":[0-9]+,"name":"phc_ns"' | grep -qE '[1-9]'
}
check "by upstream's rule the device's error is a term of the bound" wait_until 60 adds_the_error
# Each asks chronyd at instants of its own: on a busy host the medians differ by more than the charge.
check "upstream's rule is not narrower than half of chronyd alone" [ "$(($(median follow) * 2))" -ge "$(median alone)" ]
cbctl --runtime-dir /run/own status | grep '^PHC' >/tmp/phc.out
note_file /tmp/phc.out

# The driver is bound anew: another number, and a device that has been set from CLOCK_REALTIME, which nobody steers at
# first.
BUS=$(basename "$(readlink "/sys/class/net/$INTERFACE/device")")
wait_until 180 all_valid || not_ok "harness: the daemons come to valid intervals again"
vm_phc valid 600 /run/alone /run/follow /run/own >/tmp/valid.out 2>&1 &
VALID_PID=$!
sleep 1
echo "$BUS" >/sys/bus/pci/drivers/igb/unbind
check "a device whose driver is gone is seen to be gone" wait_until 120 phc_is failed
echo "$BUS" >/sys/bus/pci/drivers/igb/bind
sleep 6
check "a device that has come back and that nobody steers is not used" phc_is failed
cbctl --runtime-dir /run/own status | grep '^PHC' >/tmp/phc.out
note_file /tmp/phc.out
vm_phc steer "$(ls /dev/ptp* | head -n 1)" >/tmp/steer.out 2>&1
note_file /tmp/steer.out
begun=$(uptime_tenths) polls_before=$(polls)
check "a device that has come back and is steered is read" wait_until 120 phc_is good
took=$(($(uptime_tenths) - begun)) took_polls=$(($(polls) - polls_before))
note "read after $took tenths of a second and $took_polls polls"
# Ten seconds are ten polls, and one more has begun before: on a slow host each of them takes longer.
check "within 11 polls of a second each" [ "$took_polls" -le 11 ]
note "devices now: $(ls /dev/ptp*)"
killall chronyd
sleep 1
phc_chronyd_start "$(ls /dev/ptp* | head -n 1)"
wait_until 180 all_valid || not_ok "harness: the daemons come to valid intervals once more"
sleep 10
kill -TERM "$VALID_PID"
wait "$VALID_PID" && ok "valid throughout" || not_ok "valid throughout"
note_file /tmp/valid.out
grep -h phc /tmp/daemon.log | cut -c 1-180 >/tmp/phc.out
note_file /tmp/phc.out 12
