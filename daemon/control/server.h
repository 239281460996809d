/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: answers cbctl and the library (uapi/clockbound/control.h). At most CBD_CONTROL_CLIENTS at a
 * time, none of which can make the daemon wait: whoever does not read his answer, or says nothing, is dropped. It
 * knows nothing of the daemon's state: the loop fills in the answers. One thread.
 *
 * A descriptor that was sent and not read yet counts against the daemon's user, whose limit other processes share. So
 * there is one a connection, and few at a time, whatever clients do: see passing.h. Whoever does not read his keeps
 * nobody from an answer.
 */
#ifndef CBD_CONTROL_SERVER_H
#define CBD_CONTROL_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <clockbound/control.h>

#include "daemon/control/passing.h"
#include "daemon/probe/probe.h"
#include "daemon/publish/mapping.h"

#define CBD_CONTROL_NAME    "clockbound.sock"
#define CBD_CONTROL_CLIENTS 64
/* Of these, of one user: nobody takes the others' places. */
#define CBD_CONTROL_OF_ONE 16
/* How many more may wait to be accepted: after a restart all readers ask for the new kernel page at once. */
#define CBD_CONTROL_BACKLOG 128
/* A client asks at once after connecting; twice the longest pause of `cbctl watch` (1 s) and more. */
#define CBD_CONTROL_IDLE_NS INT64_C(5000000000)

/* Fills everything behind `reply`; the text fields are zeroed before. */
typedef void cbd_control_fill(void *context, struct clockbound_control_status *status);

/* What is asked of the probe; each call gets @context. */
struct cbd_control_probe {
	void (*info)(void *context, struct cbd_probe_info *info);
	int (*map_fd)(void *context); /* -1: there is no kernel page */
	const struct cbd_history *(*events)(void *context);
	void *context;
};

/* What is asked of VMClock and of what is injected; each call gets @context. */
struct cbd_control_vm {
	void (*fill)(void *context, struct clockbound_control_vmclock *answer); /* all behind the head */
	int (*descriptor)(void *context);					/* -1: there is none */
	/* CLOCKBOUND_CONTROL_OK, or why not; @uid: who asks */
	uint32_t (*inject)(void *context, uint32_t kind, uint32_t for_ms, uint32_t uid);
	void *context;
};

struct cbd_control_client {
	int fd; /* -1: free */
	int64_t last_mono_ns;
	int64_t uid;	 /* -1: not known */
	bool has_passed; /* a descriptor was sent, and is not known to have been read */
};

struct cbd_control {
	int dir_fd;	       /* the caller's */
	struct cbd_file_id id; /* of the socket's name, as bound */
	int listen_fd;
	int event_fd; /* readable when cbd_control_on_ready() has something to do */
	cbd_control_fill *fill;
	void *context;
	const struct cbd_control_probe *probe; /* the caller's; NULL: no probe, no events */
	const struct cbd_control_vm *vm;       /* the caller's; NULL: no VMClock, nothing is injected */
	uint32_t start;			       /* random, never 0: which daemon counts the events */
	bool is_deaf;			       /* accepting failed: newcomers wait for the next tick */
	bool is_lost;			       /* the name leads elsewhere, and could not be bound anew */
	int64_t asker_uid;		       /* of the request that is being answered; -1: not known */
	const char *unprivileged_path;	       /* the kernel's unprivileged_bpf_disabled */
	struct cbd_control_client client[CBD_CONTROL_CLIENTS];
	struct cbd_passing passing;
};

/*
 * cbd_control_open - binds DIR/clockbound.sock, mode 0666; a dead daemon's socket there is replaced
 * @dir must be locked by us. Returns 0; -EEXIST if something else than a socket is there; -ENAMETOOLONG; else
 * -errno. Logged.
 */
int cbd_control_open(struct cbd_control *control, const struct cbd_runtime_dir *dir, cbd_control_fill *fill,
		     void *context);

/*
 * cbd_control_check - does the name in @dir still lead to our socket? If not, it is bound anew
 * Whoever is connected stays so. Logged once; tried again by the next call if it failed.
 */
void cbd_control_check(struct cbd_control *control, const struct cbd_runtime_dir *dir);

/* cbd_control_set_probe - answers from @probe from now on, which must outlive @control; NULL: there is none */
void cbd_control_set_probe(struct cbd_control *control, const struct cbd_control_probe *probe);

/* cbd_control_set_vm - the same for VMClock and what is injected */
void cbd_control_set_vm(struct cbd_control *control, const struct cbd_control_vm *vm);

/* cbd_control_on_ready - accepts and answers what waits, at most one request a client; never blocks */
void cbd_control_on_ready(struct cbd_control *control, int64_t mono_ns);

/* cbd_control_on_tick - drops clients that have been silent for CBD_CONTROL_IDLE_NS; at least once a poll */
void cbd_control_on_tick(struct cbd_control *control, int64_t mono_ns);

/* cbd_control_close - drops everybody and removes the socket, unless another has taken its place */
void cbd_control_close(struct cbd_control *control);

#endif
