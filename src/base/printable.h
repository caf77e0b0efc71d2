/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * printable -- what may reach a terminal.
 *
 * Names and words of an image, and what its hooks say, stand in messages. A terminal acts on control
 * characters: its title, its colours, what it answers as if typed; and what turns the direction of
 * writing makes one path look like another.
 */
#pragma once

#include <stddef.h>

/*
 * `text`, with each byte that is no UTF-8, of a control character (C0, DEL, C1, line separators) or of
 * one that changes the direction as \xNN. Cut, at a whole character, where `size` ends. Returns the
 * length.
 */
size_t printable(char *out, size_t size, const char *text);
