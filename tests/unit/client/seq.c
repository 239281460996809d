/* SPDX-License-Identifier: Apache-2.0 */
/* Both sides of the latch and of upstream's generation, one thread: numbers, wraps, and what a reader is told. */
#include "tests/unit/client/world.h"

#include <clockbound/seq.h>

static void a_reader_retries_only_if_the_latch_moved(void **state)
{
	uint32_t seq = 6;
	uint32_t begin = clockbound_priv_seq_begin(&seq);

	(void)state;
	assert_int_equal(begin & 1, 0);
	assert_int_equal(clockbound_priv_seq_retry(&seq, begin), 0);
	clockbound_priv_seq_advance(&seq);
	assert_int_not_equal(clockbound_priv_seq_retry(&seq, begin), 0);
	assert_int_equal(clockbound_priv_seq_begin(&seq), 7);
}

static void the_latch_wraps_and_goes_on_alternating(void **state)
{
	uint32_t seq = UINT32_MAX;
	uint32_t begin = clockbound_priv_seq_begin(&seq);

	(void)state;
	assert_int_equal(begin & 1, 1);
	clockbound_priv_seq_advance(&seq);
	assert_int_equal(seq, 0);
	assert_int_not_equal(clockbound_priv_seq_retry(&seq, begin), 0);
}

static void an_update_makes_the_generation_odd_then_even(void **state)
{
	uint16_t generation = 2;
	uint16_t begin = clockbound_priv_generation_begin(&generation);

	(void)state;
	clockbound_priv_generation_open(&generation);
	assert_int_equal(generation, 3);
	assert_int_not_equal(clockbound_priv_generation_retry(&generation, begin), 0);
	clockbound_priv_generation_close(&generation);
	assert_int_equal(generation, 4);
	assert_int_equal(clockbound_priv_generation_retry(&generation, 4), 0);
}

static void the_generation_wraps_to_two_and_never_to_zero(void **state)
{
	uint16_t generation = UINT16_MAX - 1;

	(void)state;
	clockbound_priv_generation_open(&generation);
	assert_int_equal(generation, UINT16_MAX);
	clockbound_priv_generation_close(&generation);
	assert_int_equal(generation, 2);
}

static void an_update_that_was_left_open_is_closed_by_the_next(void **state)
{
	uint16_t generation = 5;

	(void)state;
	clockbound_priv_generation_open(&generation);
	assert_int_equal(generation, 5);
	clockbound_priv_generation_close(&generation);
	assert_int_equal(generation, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_retries_only_if_the_latch_moved),
		cmocka_unit_test(the_latch_wraps_and_goes_on_alternating),
		cmocka_unit_test(an_update_makes_the_generation_odd_then_even),
		cmocka_unit_test(the_generation_wraps_to_two_and_never_to_zero),
		cmocka_unit_test(an_update_that_was_left_open_is_closed_by_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
