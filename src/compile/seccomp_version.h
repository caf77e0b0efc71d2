/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp_version -- which libseccomp this was built with, for `--version` and `features`.
 */
#pragma once

/* "2.5.4", or NULL when it was built without. */
const char *compile_seccomp_version(void);
