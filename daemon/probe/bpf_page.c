/* SPDX-License-Identifier: Apache-2.0 */
/* See bpf_page.h. */
#include "daemon/probe/bpf_page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define PIN_NAME  "clockbound_page"
#define PATH_SIZE 512

static const struct clockbound_kernel_page *map_page(int fd)
{
	void *address = mmap(NULL, sizeof(struct clockbound_kernel_page), PROT_READ, MAP_SHARED, fd, 0);

	return address == MAP_FAILED ? NULL : address;
}

/* Filled, and frozen before anybody else sees it: from here on only programs write it. */
static int seed(int fd, const struct cbd_bpf_options *options)
{
	struct clockbound_kernel_page page;
	uint32_t zero = 0;

	memset(&page, 0, sizeof(page));
	page.magic = CLOCKBOUND_KERNEL_PAGE_MAGIC;
	page.version = CLOCKBOUND_KERNEL_PAGE_VERSION;
	page.size = sizeof(page);
	page.boot_id[0] = options->boot_id[0];
	page.boot_id[1] = options->boot_id[1];
	page.epochs = options->epochs;
	if (getrandom(&page.id, sizeof(page.id), 0) != (ssize_t)sizeof(page.id)) {
		return -errno;
	}
	page.id |= page.id == 0;
	if (bpf_map_update_elem(fd, &zero, &page, BPF_ANY) != 0 || bpf_map_freeze(fd) != 0) {
		return -errno;
	}
	return 0;
}

static int make(struct cbd_bpf_page *page, const struct cbd_bpf_options *options, char *why)
{
	struct bpf_map_create_opts map = {.sz = sizeof(map), .map_flags = BPF_F_MMAPABLE};
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "kernel_page", sizeof(uint32_t), sizeof(*page->page), 1,
				&map);
	int result = fd < 0 ? fd : seed(fd, options);
	const struct clockbound_kernel_page *mapped = result == 0 ? map_page(fd) : NULL;

	if (result == 0 && mapped == NULL) {
		result = -errno;
	}
	if (result != 0) {
		snprintf(why, CBD_BPF_WHY, "cannot make the kernel page: %s", strerror(-result));
		if (fd >= 0) {
			close(fd);
		}
		return result;
	}
	*page = (struct cbd_bpf_page){.page = mapped, .fd = fd};
	return 0;
}

/* Frozen is told only in /proc; 5.10 has no other way. */
static bool is_frozen(int fd)
{
	char path[64];
	char line[128];
	bool is_found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file != NULL && !is_found && fgets(line, sizeof(line), file) != NULL) {
		is_found = strncmp(line, "frozen:\t1", 9) == 0;
	}
	if (file != NULL) {
		fclose(file);
	}
	return is_found;
}

/* What is wrong with the pinned map as our page; NULL: nothing. */
static const char *fault_of(int fd, const struct clockbound_kernel_page *page,
			    const struct cbd_bpf_options *options)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0 || info.type != BPF_MAP_TYPE_ARRAY ||
	    info.value_size != sizeof(*page) || info.max_entries != 1 || page == NULL ||
	    page->magic != CLOCKBOUND_KERNEL_PAGE_MAGIC) {
		return "it is no kernel page";
	}
	if (page->version != CLOCKBOUND_KERNEL_PAGE_VERSION || page->size != sizeof(*page)) {
		return "it is a kernel page of another version";
	}
	if (page->boot_id[0] != options->boot_id[0] || page->boot_id[1] != options->boot_id[1]) {
		return "it is of another boot";
	}
	return is_frozen(fd) ? NULL : "it is not frozen, so that anybody may have written it";
}

/*
 * Takes over what is pinned at @path. Returns 0; -ENOENT if nothing is there, or a page of ours that no client
 * knows, which is unpinned; -EEXIST if it is something that stays there, and @why says what.
 */
static int reuse(struct cbd_bpf_page *page, const char *path, const struct cbd_bpf_options *options,
		 char *why)
{
	int fd = bpf_obj_get(path);
	const struct clockbound_kernel_page *mapped;
	const char *fault;

	if (fd < 0) {
		if (errno == ENOENT) {
			return -ENOENT;
		}
		snprintf(why, CBD_BPF_WHY, "cannot open the pin %.100s: %.60s", path, strerror(errno));
		return -EEXIST;
	}
	mapped = map_page(fd);
	fault = fault_of(fd, mapped, options);
	if (fault == NULL && mapped->id == options->former_id) {
		*page = (struct cbd_bpf_page){.page = mapped, .fd = fd, .is_reused = true};
		return 0;
	}
	if (mapped != NULL) {
		munmap((void *)(uintptr_t)mapped, sizeof(*mapped));
	}
	close(fd);
	if (fault == NULL) {
		unlink(path); /* its epochs may be behind those that clients have seen since */
		return -ENOENT;
	}
	snprintf(why, CBD_BPF_WHY, "the pin %.100s is refused: %s; remove it, or give another --pin", path,
		 fault);
	return -EEXIST;
}

int cbd_bpf_page_open(struct cbd_bpf_page *page, const struct cbd_bpf_options *options, char why[CBD_BPF_WHY])
{
	bool is_pinned = options->pin_dir != NULL && options->pin_dir[0] != '\0';
	char path[PATH_SIZE];
	int result;

	why[0] = '\0';
	if (!is_pinned) {
		return make(page, options, why);
	}
	snprintf(path, sizeof(path), "%s/" PIN_NAME, options->pin_dir);
	result = reuse(page, path, options, why);
	if (result == 0) {
		return 0;
	}
	is_pinned = result == -ENOENT;
	result = make(page, options, why);
	if (result == 0 && is_pinned && bpf_obj_pin(page->fd, path) != 0) {
		snprintf(why, CBD_BPF_WHY, "cannot pin the kernel page at %.100s: %.60s%s", path,
			 strerror(errno),
			 errno == EPERM || errno == EINVAL ? " (is this a mounted bpffs?)" : "");
	}
	return result;
}

void cbd_bpf_page_close(struct cbd_bpf_page *page)
{
	munmap((void *)(uintptr_t)page->page, sizeof(*page->page));
	close(page->fd);
}
