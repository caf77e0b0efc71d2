/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * value -- a value of D-Bus, from the text that GVariant has for it.
 *
 * One notation for the properties that ocirt sets and for those that users give in annotations:
 *	true   'text'   uint64 7   [uint32 1, 2]   @ay [0x03]   [('/dev/null', 'rw')]
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

/* Append it as a variant. Returns 0, -EINVAL when the text is no value, or what sd-bus says. */
int value_append(sd_bus_message *m, const char *text);

/* Append a time given in seconds as the microseconds that properties are in. */
int value_append_seconds(sd_bus_message *m, const char *text);
