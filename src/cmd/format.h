/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format -- the option --format of the commands that print a table or JSON.
 */
#pragma once

#include "options.h"

/* Into a bool: whether it is JSON. */
option_setter set_format;

#define FORMAT_ROW(S, member)                                                            \
	OPTION_WORDS(bool, S, member, "format", 'f', "FORMAT", set_format, "table json", \
		     "table (the default) or json")
