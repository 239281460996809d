/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is taken for an answer of ptp4l's, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/source/phc_ptp4l_wire.h"

static void malformed_answers_are_ignored(void **state)
{
	uint8_t bytes[128] = {0x0d, 0x02, 0, 58};
	const struct cbd_ptp4l_question question = {.id = CBD_PTP4L_TIME_PROPERTIES_DATA_SET};
	uint8_t request[CBD_PTP4L_REQUEST_SIZE];
	struct cbd_ptp4l_message message;
	size_t size;

	(void)state;
	cbd_ptp4l_request(request, &question);
	memcpy(bytes + 34, request + 20, CBD_PTP4L_PORT_ID);
	bytes[46] = 2;
	bytes[49] = 1;
	bytes[51] = 6;
	bytes[52] = CBD_PTP4L_TIME_PROPERTIES_DATA_SET >> 8;
	bytes[53] = CBD_PTP4L_TIME_PROPERTIES_DATA_SET & 0xff;
	assert_true(cbd_ptp4l_parse(bytes, 58, &message));
	for (size = 0; size < 58; size++) {
		assert_false(cbd_ptp4l_parse(bytes, size, &message));
	}
	bytes[51] = 7; /* longer than the message */
	assert_false(cbd_ptp4l_parse(bytes, 58, &message));
	bytes[51] = 5; /* shorter than its data */
	assert_false(cbd_ptp4l_parse(bytes, 58, &message));
	bytes[51] = 1;
	assert_false(cbd_ptp4l_parse(bytes, 58, &message));
	bytes[51] = 6;
	bytes[49] = 2; /* an error status, of what was not asked for */
	assert_false(cbd_ptp4l_parse(bytes, 58, &message));
	bytes[54] = CBD_PTP4L_PORT_HWCLOCK_NP >> 8;
	bytes[55] = CBD_PTP4L_PORT_HWCLOCK_NP & 0xff;
	assert_true(cbd_ptp4l_parse(bytes, 58, &message) && message.is_refused);
	bytes[51] = 2; /* without it */
	assert_false(cbd_ptp4l_parse(bytes, 58, &message));
	bytes[51] = 6;
	bytes[49] = 3; /* something else */
	assert_false(cbd_ptp4l_parse(bytes, 58, &message));
	bytes[49] = 1;
	bytes[46] = 0; /* a request */
	assert_false(cbd_ptp4l_parse(bytes, 58, &message));
	bytes[46] = 2;
	bytes[53] = 0x05; /* not asked for */
	assert_false(cbd_ptp4l_parse(bytes, 58, &message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed_answers_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
