# SPDX-License-Identifier: Apache-2.0
# The guest's file system: busybox, the programs of the build tree with the libraries they name, chronyd, the kernel's
# network modules, and the scenarios. Made anew for each machine, in $WORLD. Sourced by tests/vm/run.
BUSYBOX=/bin/busybox

# put_program PROGRAM [NAME] - copies it and its libraries to where the guest looks for them
put_program() {
	local root=$WORLD/root library
	[ -x "$1" ] || return 1
	cp -L "$1" "$root/bin/${2:-$(basename "$1")}" || return 1
	for library in $(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+'); do
		case $library in
		"$BUILD"/*) cp -Lu "$library" "$root/lib/" ;;
		*) mkdir -p "$root$(dirname "$library")" && cp -Lu "$library" "$root$library" ;;
		esac || return 1
	done
}

# put_shell - busybox under each of its names
put_shell() {
	local root=$WORLD/root applet
	cp "$BUSYBOX" "$root/bin/busybox"
	for applet in $("$BUSYBOX" --list); do
		[ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
	done
}

# put_modules - the network's modules of this kernel and VMClock's, if it has one, and their order
put_modules() {
	module_order "$VM_CACHE/$KERNEL/modules" virtio_pci virtio_net igb ptp_vmclock |
		awk '!seen[$0]++' >"$WORLD/root/modules/order"
	while IFS= read -r module; do
		cp "$VM_CACHE/$KERNEL/modules/$module.ko" "$WORLD/root/modules/"
	done <"$WORLD/root/modules/order"
}

# initramfs_make - $WORLD/initrd, from $BUILD, $KERNEL, $SCENARIO, $PROBE and the server's port
initramfs_make() {
	local root=$WORLD/root program
	mkdir -p "$root"/{bin,lib,lib64,dev,proc,sys,run,tmp,etc,modules,vm,var/lib/chrony,usr/bin}
	put_shell || return 1
	for program in "$BUILD"/bin/clockbound "$BUILD"/bin/cbctl "$BUILD"/bin/clockbound-bench \
		"$BUILD"/tests/vm_*; do
		put_program "$program" || die "cannot take $program into the guest: build it first"
	done
	# busybox has its own: one knows no fractions of a second, the other no capability by name.
	rm -f "$root/bin/date" "$root/bin/setpriv"
	put_program /bin/date && put_program "$(chronyd_path)" chronyd || return 1
	put_program "$(command -v strace)" && put_program "$(command -v setpriv)" || return 1
	put_modules || return 1
	printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	printf 'SCENARIO=%s\nKERNEL=%s\nPROBE=%s\nNTP_PORT=%s\nPHC_SECONDS=%s\n' "$SCENARIO" "$KERNEL" "$PROBE" \
		"$SERVER_PORT" "${CLOCKBOUND_VM_PHC_SECONDS:-100}" >"$root/vm/env.sh"
	cp -r "$VM_DIR/guest.sh" "$VM_DIR/scenarios" "$root/vm/" || return 1
	install -m 0755 "$VM_DIR/guest_init.sh" "$root/init" || return 1
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$WORLD/initrd"
}
