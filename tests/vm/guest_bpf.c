/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What BPF holds in a virtual machine.
 *
 *   vm_bpf count   "programs=N maps=N links=N" of the whole kernel
 */
#include <stdint.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int count_all(enum bpf_cmd command)
{
	union bpf_attr attributes;
	uint32_t id = 0;
	int count = 0;

	for (;;) {
		memset(&attributes, 0, sizeof(attributes));
		attributes.start_id = id;
		if (syscall(SYS_bpf, command, &attributes, sizeof(attributes)) != 0) {
			return count;
		}
		id = attributes.next_id;
		count++;
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "count") == 0) {
		printf("programs=%d maps=%d links=%d\n", count_all(BPF_PROG_GET_NEXT_ID),
		       count_all(BPF_MAP_GET_NEXT_ID), count_all(BPF_LINK_GET_NEXT_ID));
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "usage: vm_bpf count\n");
	return 2;
}
