# SPDX-License-Identifier: Apache-2.0
# Kernels for the virtual machines: Debian's own packages, found and verified by apt, unpacked and never installed.
# Sourced by tests/vm/run. Everything it keeps lives in $VM_CACHE, outside the tree; apt gets lists and a sources
# file of its own there, so that nothing else on the machine sees these suites. Versions are asked for, not known.
VM_CACHE=${CLOCKBOUND_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/clockbound-vm}
VM_KERNELS="5.10 6.1 6.12 7.2"
# Of these the whole kernel: igb, whose emulation has a PTP hardware clock, is in no cloud kernel.
VM_GENERIC_KERNELS="6.12-generic 7.2-generic"
# Debian publishes kernels every few weeks; asking again after this many minutes is soon enough.
VM_FRESH_MINUTES=10080
VM_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# kernel_suite KERNEL - the suite that has it: "", or "-security" and its name
kernel_suite() {
	case ${1%-generic} in
	5.10) printf '%s\n' "-security bullseye-security" ;;
	6.1 | 6.12) printf '%s\n' "-security bookworm-security" ;;
	*) printf '%s\n' " sid" ;;
	esac
}

# vm_mirror - the Debian mirror that this machine already uses, or Debian's own
vm_mirror() {
	local uri
	uri=$(awk '/^URIs:.*\/debian\/?$/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null)
	printf '%s\n' "${CLOCKBOUND_VM_MIRROR:-${uri:-http://deb.debian.org/debian}}"
}

# vm_apt KERNEL COMMAND ARG... - an apt tool that knows this kernel's suite and nothing else
vm_apt() {
	local lists=$VM_CACHE/apt-$1 tool=$2
	shift 2
	"$tool" -q -o "Dir::Etc::sourcelist=$lists/sources.list" -o Dir::Etc::sourceparts=- \
		-o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists/cache" -o APT::Sandbox::User=root \
		-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=1 \
		-o Acquire::Languages=none -o APT::Architecture=amd64 "$@"
}

# kernel_lists KERNEL - fetches the package lists of its suite; the last line of kernel.log tells what failed
kernel_lists() {
	local apt=$VM_CACHE/apt-$1 suite suffix
	IFS=' ' read -r suffix suite <<<"$(kernel_suite "$1" | sed 's/^ /- /')"
	[ "$suffix" != - ] || suffix=
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	printf 'deb [signed-by=%s] %s%s %s main\n' "$VM_KEYRING" "$(vm_mirror)" "$suffix" "$suite" \
		>"$apt/sources.list"
	vm_apt "$1" apt-get -o APT::Update::Error-Mode=any update >>"$VM_CACHE/kernel-$1.log" 2>&1
}

# kernel_packages KERNEL - the packages that hold the newest cloud (or generic) kernel of this series. sid splits them
# in two.
kernel_packages() {
	local newest series=${1%-generic} flavour='.*cloud-amd64'
	[ "$series" = "$1" ] || flavour='[0-9.]*[+]deb[0-9]*-amd64'
	newest=$(vm_apt "$1" apt-cache search --names-only "^linux-(image|binary)-${series//./\\.}\\.[0-9]$flavour\$" |
		cut -d' ' -f1 | sed 's/^linux-\(image\|binary\)-\(.*\)/\2 \1/' | sort -V | tail -n 1)
	[ -n "$newest" ] || return 1
	newest=${newest%% *}
	if vm_apt "$1" apt-cache show "linux-binary-$newest" >/dev/null 2>&1; then
		printf '%s\n' "linux-binary-$newest" "linux-modules-$newest"
	else
		printf '%s\n' "linux-image-$newest"
	fi
}

# kernel_unpack KERNEL - downloads and unpacks vmlinuz and the network's modules into $VM_CACHE/KERNEL
kernel_unpack() {
	local work=$VM_CACHE/new-$1 packages deb module
	rm -rf -- "$work"
	mkdir -p "$work/deb" "$work/tree" "$work/modules"
	packages=$(kernel_packages "$1") || {
		say "the archive has no kernel $1" >>"$VM_CACHE/kernel-$1.log"
		return 1
	}
	# shellcheck disable=SC2086
	(cd "$work/deb" && vm_apt "$1" apt-get download $packages) >>"$VM_CACHE/kernel-$1.log" 2>&1 || return 1
	for deb in "$work"/deb/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/tree" --wildcards --no-anchored 'vmlinuz*' \
			'virtio*.ko*' 'failover.ko*' 'net_failover.ko*' 'igb.ko*' 'dca.ko*' 'i2c-algo-bit.ko*' \
			'ptp_vmclock.ko*' 2>>"$VM_CACHE/kernel-$1.log"
	done
	find "$work/tree" -type f -name 'vmlinuz*' -exec cp {} "$work/vmlinuz" \;
	while IFS= read -r module; do
		case $module in
		*.xz) xz -dc "$module" >"$work/modules/$(basename "$module" .xz)" ;;
		*.zst) zstd -qdc "$module" >"$work/modules/$(basename "$module" .zst)" ;;
		*) cp "$module" "$work/modules/" ;;
		esac
	done < <(find "$work/tree" -type f -name '*.ko*')
	[ -s "$work/vmlinuz" ] && [ -s "$work/modules/virtio_net.ko" ] || {
		say "no vmlinuz or no virtio_net in $packages" >>"$VM_CACHE/kernel-$1.log"
		return 1
	}
	printf '%s\n' "$packages" | head -n 1 | sed 's/^linux-[a-z]*-//' >"$work/release"
	rm -rf -- "$work/deb" "$work/tree" "$VM_CACHE/${1:?}"
	mv "$work" "$VM_CACHE/$1"
}

# kernel_get KERNEL - makes sure of $VM_CACHE/KERNEL; one process at a time. Status 1: not there, the reason printed.
kernel_get() {
	local log=$VM_CACHE/kernel-$1.log
	mkdir -p "$VM_CACHE" || return 1
	(
		flock 9
		# What was unpacked before modules were added to the list lacks them.
		[ -z "$(find "$VM_CACHE/$1/release" -mmin "-$VM_FRESH_MINUTES" -newer "$VM_DIR/kernels.sh" 2>/dev/null)" ] ||
			exit 0
		: >"$log"
		kernel_lists "$1" && kernel_unpack "$1" && exit 0
		# An older one of this series serves as well.
		[ -s "$VM_CACHE/$1/release" ] && exit 0
		say "kernel $1: $(grep -E '^E:|^the archive|^no vmlinuz' "$log" | tail -n 1)"
		exit 1
	) 9>"$VM_CACHE/lock-$1"
}

# module_order DIR MODULE... - prints them and what they depend on, in the order to insert them
module_order() {
	local dir=$1 module depends
	shift
	for module in "$@"; do
		# What is not there is built into the kernel.
		[ -f "$dir/$module.ko" ] || continue
		depends=$(tr '\0' '\n' <"$dir/$module.ko" | sed -n 's/^depends=//p' | head -n 1 | tr ',' ' ')
		# shellcheck disable=SC2086
		module_order "$dir" $depends
		printf '%s\n' "$module"
	done
}
