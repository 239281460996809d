/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every interleaving of one read with the writer's single steps in which the reader is stopped at two places,
 * on one thread: nothing is left to luck. No read may be torn, and a writer that stops for ever between any two
 * of its steps stops no reader. As a canary, with the second look at seq removed, torn reads must be found.
 */
#define CLOCKBOUND_IN_TREE	     1
#define CLOCKBOUND_PRIV_TEST_COUNTER 1

#include <clockbound/seq.h>

/* A load with a place to be stopped at before it and after it. */
static void stopping_place(void);
#undef CLOCKBOUND_PRIV_LOAD
#define CLOCKBOUND_PRIV_LOAD(pointer)                                                                        \
	__extension__({                                                                                      \
		__typeof__(*(pointer) + 0) loaded_;                                                          \
		stopping_place();                                                                            \
		loaded_ = __atomic_load_n((pointer), CLOCKBOUND_PRIV_LOAD_ORDER);                            \
		stopping_place();                                                                            \
		loaded_;                                                                                     \
	})

#include "tests/stress/tied.h"

/* A publication: seq, slot 0, seq, slot 1. */
#define STEPS  (2u * (1u + TIED_WORDS))
#define FIRST  1000u /* the publication that stands when a run begins */
#define PLACES 32u   /* more than a read has */
#if TEST_SCALE_DOWN > 1
#define STRIDE 3u
#else
#define STRIDE 1u
#endif

static struct clockbound_page page;
static const clockbound_fast fast = {&page, &page.control.epochs, NULL, 0, 0, NULL};
static uint64_t writer_k; /* the publication that is being made */
static unsigned int writer_step;
static unsigned int place;
static unsigned int stop_at[2];
static unsigned int stop_steps[2];
static int64_t runs;
static int64_t torn;
static int64_t answered;

uint64_t clockbound_priv_test_counter(void)
{
	return 0;
}

static void write_one_step(void)
{
	unsigned int half = STEPS / 2;
	unsigned int slot = writer_step / half;
	unsigned int step = writer_step % half;

	if (step == 0) {
		clockbound_priv_seq_advance(&page.control.seq);
	} else {
		tied_store(&page.slot[slot].hot, step - 1, writer_k);
	}
	if (++writer_step == STEPS) {
		writer_step = 0;
		writer_k++;
	}
}

static void write_steps(unsigned int steps)
{
	while (steps-- > 0) {
		write_one_step();
	}
}

static void stopping_place(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (place == stop_at[i]) {
			write_steps(stop_steps[i]);
		}
	}
	place++;
}

/* The page with publication FIRST in both slots, and @steps of the next already made. */
static void begin(unsigned int steps)
{
	unsigned int word;

	page.control.seq = 0;
	for (word = 0; word < TIED_WORDS; word++) {
		tied_store(&page.slot[0].hot, word, FIRST);
		tied_store(&page.slot[1].hot, word, FIRST);
	}
	writer_k = FIRST + 1;
	writer_step = 0;
	place = 0;
	write_steps(steps);
}

static void read_short(void)
{
	clockbound_interval interval;

	if (clockbound_fast_now(&fast, &interval) == CLOCKBOUND_FAST_OK) {
		answered++;
		torn += tied_interval_is_torn(&interval);
	}
}

static void read_whole(void)
{
	struct clockbound_priv_snapshot snapshot;

	if (clockbound_priv_take(&fast, &snapshot) == CLOCKBOUND_FAST_OK) {
		answered++;
		torn += tied_snapshot_is_torn(&snapshot);
	}
}

/* Both stops, and all numbers of steps that the writer may make in them: up to two publications in the first. */
static void run_all_steps(void (*read)(void), unsigned int steps_before)
{
	for (stop_steps[0] = 0; stop_steps[0] <= 2 * STEPS + 1; stop_steps[0] += STRIDE) {
		for (stop_steps[1] = 0; stop_steps[1] <= STEPS + 1; stop_steps[1] += STRIDE) {
			begin(steps_before);
			read();
			runs++;
		}
	}
}

static void run_all(void (*read)(void))
{
	unsigned int steps_before;
	unsigned int places;

	runs = 0;
	torn = 0;
	answered = 0;
	stop_at[0] = PLACES * 8;
	stop_at[1] = PLACES * 8;
	begin(0);
	read();
	places = place;
	assert_in_range(places, 8, PLACES);
	for (steps_before = 0; steps_before < STEPS; steps_before++) {
		for (stop_at[0] = 0; stop_at[0] < places; stop_at[0] += 2) {
			for (stop_at[1] = stop_at[0] + 1; stop_at[1] < places; stop_at[1] += 2) {
				run_all_steps(read, steps_before);
			}
		}
	}
	print_message("%lld interleavings, %lld answered, %lld torn\n", (long long)runs, (long long)answered,
		      (long long)torn);
	assert_true(answered > runs / 1000);
#if defined(CLOCKBOUND_PRIV_MUTATE_NO_SECOND_CHECK)
	assert_int_not_equal(torn, 0);
#else
	assert_int_equal(torn, 0);
#endif
}

static void no_interleaving_tears_a_short_read(void **state)
{
	(void)state;
	run_all(read_short);
}

static void no_interleaving_tears_a_whole_read(void **state)
{
	(void)state;
	run_all(read_whole);
}

static void a_writer_that_stops_between_any_two_steps_stops_no_reader(void **state)
{
	unsigned int steps;

	(void)state;
	stop_at[0] = PLACES * 8;
	stop_at[1] = PLACES * 8;
	for (steps = 0; steps < 3 * STEPS; steps++) {
		torn = 0;
		answered = 0;
		begin(steps);
		read_short();
		read_whole();
		assert_int_equal(answered, 2);
		assert_int_equal(torn, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_interleaving_tears_a_short_read),
		cmocka_unit_test(no_interleaving_tears_a_whole_read),
		cmocka_unit_test(a_writer_that_stops_between_any_two_steps_stops_no_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
