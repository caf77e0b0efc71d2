/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * help -- what --help prints, from the rows that the parser uses.
 */
#pragma once

#include "command.h"

void help_program(void);
void help_on(const struct command *command);
