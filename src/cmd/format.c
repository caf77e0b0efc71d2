/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format.h"

#include "base/util.h"

int set_format(void *target, const char *value, struct error *e)
{
	bool *json = target;

	if (!streq(value, "json") && !streq(value, "table"))
		return fail(e, 0, "'%s' is neither table nor json", value);
	*json = streq(value, "json");
	return 0;
}
