/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what the PTP hardware clock's source is told: a message of ptp4l, a bound file, a list of leap seconds.
 * The first byte chooses. Nothing crashes, and what is accepted is within what the source promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/source/phc_bound.h"
#include "daemon/source/phc_ptp4l_wire.h"
#include "daemon/source/phc_scale.h"

#define UTC_S INT64_C(1768478400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
	if (!is_true) {
		abort();
	}
}

static void check_message(const uint8_t *data, size_t size)
{
	/* Of its own size, so that reading past the end is seen. */
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	struct cbd_ptp4l_message message;

	require(bytes != NULL);
	memcpy(bytes, data, size);
	if (cbd_ptp4l_parse(bytes, size, &message)) {
		require(size >= CBD_PTP4L_REQUEST_SIZE);
		if (message.id == CBD_PTP4L_PARENT_DATA_SET) {
			require(cbd_ptp4l_accuracy_ns(message.parent.accuracy) >= 0);
			require(cbd_ptp4l_accuracy_ns(message.parent.accuracy) <= 1000000000);
		}
	}
	free(bytes);
}

static void check_text(const uint8_t *data, size_t size, bool is_bound)
{
	char *text = malloc(size + 1);
	int64_t bound_ns = -1;
	int32_t tai_s;

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (is_bound) {
		if (cbd_phc_bound_parse(text, &bound_ns) == 0) {
			require(bound_ns >= 1 && bound_ns <= CBD_PHC_BOUND_MAX_NS);
		} else {
			require(bound_ns == -1);
		}
	} else {
		tai_s = cbd_phc_scale_parse(text, UTC_S);
		require(tai_s == 0 || (tai_s >= 10 && tai_s <= 99));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	switch (data[0] % 3) {
	case 0:
		check_message(data + 1, size - 1);
		break;
	case 1:
		check_text(data + 1, size - 1, true);
		break;
	default:
		check_text(data + 1, size - 1, false);
		break;
	}
	return 0;
}
