#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# units.sh TREE UNIT-DIR PROGRAM - both systemd units pass `systemd-analyze verify`, with the program just built in
# the place of the installed one, and name only what that program knows.
. "$(dirname "$0")/lib.sh"
need systemd-analyze
UNITS=$2
PROGRAM=$3
checked=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

for unit in clockbound clockbound-compat; do
	checked=$((checked + 1))
	[ -f "$UNITS/$unit.service" ] || {
		fault "$UNITS/$unit.service is not there: configure first"
		continue
	}
	sed "s|^ExecStart=[^ ]*|ExecStart=$PROGRAM|" "$UNITS/$unit.service" >"$work/$unit.service"
	grep -q "^ExecStart=$PROGRAM" "$work/$unit.service" || fault "$unit.service: no ExecStart="
	grep -qE '@[A-Z_]+@' "$work/$unit.service" && fault "$unit.service: something between @ was not replaced"
	while IFS= read -r line; do
		# The one setting that old versions need and new ones call old.
		[[ $unit = clockbound-compat && $line =~ PermissionsStartOnly ]] || fault "$line"
	done < <(systemd-analyze verify --man=no "$work/$unit.service" 2>&1 |
		grep -F -e "$work" -e "$unit.service")
done
for setting in 'RuntimeDirectory=clockbound' 'RuntimeDirectoryPreserve=yes' 'User=_chrony' 'Restart=always'; do
	checked=$((checked + 1))
	grep -qx "$setting" "$UNITS/clockbound.service" || fault "clockbound.service: $setting is missing"
done
for setting in 'PermissionsStartOnly=yes' 'Restart=always' 'StartLimitInterval=0' 'ExecStartPre=.*/run/clockbound' 'User=_chrony'; do
	checked=$((checked + 1))
	grep -qx "$setting" "$UNITS/clockbound-compat.service" || fault "clockbound-compat.service: $setting is missing"
done
verdict "$checked units and settings"
