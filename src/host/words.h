/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * words -- what the container side reports, said to a person.
 *
 * ocirt-init sends a number, an errno and a detail; one row for each says the JSON path, what could
 * not be done, and what to do about it. The record is not trusted: an index that the configuration
 * does not have is left out, and unprintable bytes are replaced.
 */
#pragma once

#include "base/error.h"
#include "plan/talk.h"

/* Fills e from a FAILED record. Returns its negative code. */
int words_failed(const struct talk_record *r, struct error *e);

/* Logs a WARNING record. */
void words_warn(const struct talk_record *r);
