/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real client against the fake chronyd, on a clock that the test moves: no test waits for anything.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/source/chrony.h"
#include "tests/harness/fake_chrony.h"

struct fixture {
	struct fake_chrony fake;
	struct cbd_chrony client;
	struct cbd_clock clock;
	int64_t now_ns;	   /* of every clock; moves by 100 ns at each reading */
	uint64_t readings; /* of the counter */
	bool is_broken;	   /* clocks cannot be read */
	char runtime_dir[64];
};

/* fixture_open, fixture_close - for cmocka's setup and teardown; *state is a struct fixture */
int fixture_open(void **state);
int fixture_close(void **state);

/*
 * fixture_poll - one whole poll: serves and reads in turn until it ends; when nothing moves any more, time
 * passes to the deadline
 */
enum cbd_chrony_result fixture_poll(struct fixture *fixture);

/* fixture_go_on - the same for a poll that has begun */
enum cbd_chrony_result fixture_go_on(struct fixture *fixture);

/* fixture_is_readable - would the daemon's loop be woken? */
bool fixture_is_readable(const struct fixture *fixture);

#endif
