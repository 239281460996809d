/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens, drives and closes the client and its fake. The clocks move by 100 ns at each reading.
 */
#include "fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t counter(void *context)
{
	struct fixture *fixture = context;

	fixture->readings++;
	fixture->now_ns += 100;
	return (uint64_t)fixture->now_ns;
}

static bool gettime(void *context, clockid_t id, int64_t *ns)
{
	struct fixture *fixture = context;

	(void)id;
	fixture->now_ns += 100;
	*ns = fixture->now_ns;
	return !fixture->is_broken;
}

static bool kernel_rate(void *context, int64_t *rate_q58)
{
	(void)context;
	*rate_q58 = 0;
	return true;
}

int fixture_open(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (fixture == NULL || !fake_chrony_open(&fixture->fake)) {
		free(fixture);
		return -1;
	}
	snprintf(fixture->runtime_dir, sizeof(fixture->runtime_dir), "/tmp/fixture.XXXXXX");
	if (mkdtemp(fixture->runtime_dir) == NULL) {
		return -1;
	}
	fixture->clock = (struct cbd_clock){
		.counter = counter, .gettime = gettime, .kernel_rate = kernel_rate, .context = fixture};
	fixture->now_ns = 1000000000000;
	*state = fixture;
	return cbd_chrony_init(&fixture->client, fixture->fake.path, fixture->runtime_dir, &fixture->clock);
}

int fixture_close(void **state)
{
	struct fixture *fixture = *state;

	cbd_chrony_close(&fixture->client);
	fake_chrony_close(&fixture->fake);
	rmdir(fixture->runtime_dir);
	free(fixture);
	return 0;
}

bool fixture_is_readable(const struct fixture *fixture)
{
	struct pollfd fd = {.fd = cbd_chrony_fd(&fixture->client), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

enum cbd_chrony_result fixture_go_on(struct fixture *fixture)
{
	enum cbd_chrony_result result = CBD_CHRONY_PENDING;

	while (result == CBD_CHRONY_PENDING) {
		bool is_served = fixture->fake.fd >= 0 && fake_chrony_serve(&fixture->fake) > 0;

		if (fixture_is_readable(fixture)) {
			result = cbd_chrony_on_readable(&fixture->client, fixture->now_ns);
		} else if (!is_served) {
			fixture->now_ns = cbd_chrony_deadline_ns(&fixture->client);
			result = cbd_chrony_on_timeout(&fixture->client, fixture->now_ns);
		}
	}
	return result;
}

enum cbd_chrony_result fixture_poll(struct fixture *fixture)
{
	enum cbd_chrony_result result = cbd_chrony_begin(&fixture->client, fixture->now_ns);

	return result == CBD_CHRONY_PENDING ? fixture_go_on(fixture) : result;
}
