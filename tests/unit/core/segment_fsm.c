/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upstream's table of the segment's status, every cell of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/types.h>

#include "daemon/core/segment_fsm.h"

#define U CLOCKBOUND_STATUS_UNKNOWN
#define S CLOCKBOUND_STATUS_SYNCHRONIZED
#define F CLOCKBOUND_STATUS_FREE_RUNNING
#define D CLOCKBOUND_STATUS_DISRUPTED

static void every_cell_is_upstreams(void **state)
{
	/* rows: state before; columns: Synchronized, FreeRunning, Unknown, disrupted, disruption unknown */
	static const uint32_t table[4][5] = {
		[U] = {S, U, U, D, U},
		[S] = {S, F, U, D, U},
		[F] = {S, F, U, D, U},
		[D] = {U, U, U, D, U},
	};
	static const struct {
		enum cbd_chrony_status chrony;
		enum cbd_disruption disruption;
	} column[5] = {
		{CBD_CHRONY_SYNCHRONIZED, CBD_DISRUPTION_NONE},
		{CBD_CHRONY_FREE_RUNNING, CBD_DISRUPTION_NONE},
		{CBD_CHRONY_UNKNOWN, CBD_DISRUPTION_NONE},
		{CBD_CHRONY_SYNCHRONIZED, CBD_DISRUPTION_NOW},
		{CBD_CHRONY_SYNCHRONIZED, CBD_DISRUPTION_UNKNOWN},
	};
	uint32_t from;
	size_t k;

	(void)state;
	for (from = U; from <= D; from++) {
		for (k = 0; k < 5; k++) {
			struct cbd_segment_fsm fsm = {.status = from};

			assert_int_equal(cbd_segment_fsm_step(&fsm, column[k].chrony, column[k].disruption),
					 table[from][k]);
			assert_int_equal(fsm.status, table[from][k]);
		}
	}
}

static void begins_unknown(void **state)
{
	struct cbd_segment_fsm fsm;

	(void)state;
	cbd_segment_fsm_init(&fsm);
	assert_int_equal(fsm.status, U);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_is_upstreams),
		cmocka_unit_test(begins_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
