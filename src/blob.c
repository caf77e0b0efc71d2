/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "blob.h"

/*
 * C has no way to embed a file before C23's #embed; the assembler always had. The size is written
 * by the assembler too, into the struct itself, so that it is a constant for everybody. A section
 * with relocations cannot be read-only in a position-independent program: .data.rel.ro becomes so
 * right after they are done.
 */
#if __SIZEOF_POINTER__ == 8
#define WORD ".quad "
#else
#define WORD ".long "
#endif

/* clang-format off */
#define BLOB(NAME, FILE)                                                                           \
	__asm__(".pushsection .rodata.blob, \"a\", %progbits\n"                                    \
		".balign 4096\n"                                                                   \
		"blob_" #NAME "_start:\n"                                                          \
		".incbin \"" FILE "\"\n"                                                           \
		"blob_" #NAME "_end:\n"                                                            \
		".balign 4096\n"                                                                   \
		".popsection\n"                                                                    \
		".pushsection .data.rel.ro.blob, \"aw\", %progbits\n"                              \
		".balign 8\n"                                                                      \
		".globl blob_" #NAME "\n"                                                          \
		".hidden blob_" #NAME "\n"                                                         \
		".type blob_" #NAME ", %object\n"                                                  \
		"blob_" #NAME ":\n"                                                                \
		WORD "blob_" #NAME "_start\n"                                                      \
		WORD "blob_" #NAME "_end - blob_" #NAME "_start\n"                                 \
		".popsection\n")
/* clang-format on */

/* All are in the build directory, where make runs the compiler. */
BLOB(init, "ocirt-init");
BLOB(demo, "ocirt-demo");
#ifdef HAVE_SYSTEMD
BLOB(systemd, "ocirt-systemd");
#endif

_Static_assert(sizeof(struct blob) == 2 * sizeof(void *), "the assembler lays it out by hand");
