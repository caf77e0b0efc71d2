/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "names.h"

#include "number.h"
#include "util.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>
#include <sys/resource.h>

/* clang-format off */
#define SIGNAL(n) { #n, SIG##n }
const struct name signal_names[] = {
	SIGNAL(HUP), SIGNAL(INT), SIGNAL(QUIT), SIGNAL(ILL), SIGNAL(TRAP), SIGNAL(ABRT), SIGNAL(BUS),
	SIGNAL(FPE), SIGNAL(KILL), SIGNAL(USR1), SIGNAL(SEGV), SIGNAL(USR2), SIGNAL(PIPE),
	SIGNAL(ALRM), SIGNAL(TERM), SIGNAL(STKFLT), SIGNAL(CHLD), SIGNAL(CONT), SIGNAL(STOP),
	SIGNAL(TSTP), SIGNAL(TTIN), SIGNAL(TTOU), SIGNAL(URG), SIGNAL(XCPU), SIGNAL(XFSZ),
	SIGNAL(VTALRM), SIGNAL(PROF), SIGNAL(WINCH), SIGNAL(IO), SIGNAL(PWR), SIGNAL(SYS),
	/* Other names for some of them. */
	SIGNAL(IOT), SIGNAL(POLL), { "CLD", SIGCHLD },
};
#undef SIGNAL
const size_t n_signal_names = array_len(signal_names);

#define CAP(n) { #n, CAP_##n }
const struct name capability_names[] = {
	CAP(CHOWN), CAP(DAC_OVERRIDE), CAP(DAC_READ_SEARCH), CAP(FOWNER), CAP(FSETID), CAP(KILL),
	CAP(SETGID), CAP(SETUID), CAP(SETPCAP), CAP(LINUX_IMMUTABLE), CAP(NET_BIND_SERVICE),
	CAP(NET_BROADCAST), CAP(NET_ADMIN), CAP(NET_RAW), CAP(IPC_LOCK), CAP(IPC_OWNER),
	CAP(SYS_MODULE), CAP(SYS_RAWIO), CAP(SYS_CHROOT), CAP(SYS_PTRACE), CAP(SYS_PACCT),
	CAP(SYS_ADMIN), CAP(SYS_BOOT), CAP(SYS_NICE), CAP(SYS_RESOURCE), CAP(SYS_TIME),
	CAP(SYS_TTY_CONFIG), CAP(MKNOD), CAP(LEASE), CAP(AUDIT_WRITE), CAP(AUDIT_CONTROL),
	CAP(SETFCAP), CAP(MAC_OVERRIDE), CAP(MAC_ADMIN), CAP(SYSLOG), CAP(WAKE_ALARM),
	CAP(BLOCK_SUSPEND), CAP(AUDIT_READ), CAP(PERFMON), CAP(BPF), CAP(CHECKPOINT_RESTORE),
};
#undef CAP
const size_t n_capability_names = array_len(capability_names);

#define LIMIT(n) { #n, RLIMIT_##n }
const struct name rlimit_names[] = {
	LIMIT(AS), LIMIT(CORE), LIMIT(CPU), LIMIT(DATA), LIMIT(FSIZE), LIMIT(LOCKS), LIMIT(MEMLOCK),
	LIMIT(MSGQUEUE), LIMIT(NICE), LIMIT(NOFILE), LIMIT(NPROC), LIMIT(RSS), LIMIT(RTPRIO),
	LIMIT(RTTIME), LIMIT(SIGPENDING), LIMIT(STACK),
};
#undef LIMIT
/* clang-format on */
const size_t n_rlimit_names = array_len(rlimit_names);

static int look_up(const struct name *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(text, names[i].name) == 0)
			return names[i].number;
	return -EINVAL;
}

/*
 * The kernel's range, and where names begin to count: libc keeps the first ones for itself, glibc
 * two and musl three. Programs in containers, kill(1) and other runtimes all mean glibc's, systemd's
 * SIGRTMIN+3 for one, so a number must not depend on what ocirt was linked with.
 */
#define KERNEL_RTMIN 32
#define KERNEL_RTMAX 64
#define NAMED_RTMIN  34

static int realtime_signal(const char *text)
{
	bool from_max = strncasecmp(text, "RTMAX", 5) == 0;
	int base = from_max ? KERNEL_RTMAX : NAMED_RTMIN;
	uint64_t offset = 0;

	if (!from_max && strncasecmp(text, "RTMIN", 5) != 0)
		return -EINVAL;
	text += 5;
	if (*text == (from_max ? '-' : '+')) {
		if (number_u64(text + 1, KERNEL_RTMAX - KERNEL_RTMIN, &offset) < 0)
			return -EINVAL;
	} else if (*text) {
		return -EINVAL;
	}
	int number = from_max ? base - (int)offset : base + (int)offset;

	return number >= KERNEL_RTMIN && number <= KERNEL_RTMAX ? number : -EINVAL;
}

int signal_number(const char *text)
{
	uint64_t value;
	int r;

	if (number_u64(text, KERNEL_RTMAX, &value) == 0)
		return (int)value;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	r = look_up(signal_names, n_signal_names, text);
	return r >= 0 ? r : realtime_signal(text);
}

const char *signal_name(int number, char *buf, size_t size)
{
	for (size_t i = 0; i < n_signal_names; i++)
		if (signal_names[i].number == number) {
			snprintf(buf, size, "SIG%s", signal_names[i].name);
			return buf;
		}
	if (number >= NAMED_RTMIN && number <= KERNEL_RTMAX)
		snprintf(buf, size, number > NAMED_RTMIN ? "SIGRTMIN+%d" : "SIGRTMIN",
			 number - NAMED_RTMIN);
	else
		snprintf(buf, size, "signal %d", number);
	return buf;
}

int capability_number(const char *text)
{
	if (strncasecmp(text, "CAP_", 4) == 0)
		text += 4;
	return look_up(capability_names, n_capability_names, text);
}

const char *capability_name(int number)
{
	static char buf[32];

	for (size_t i = 0; i < n_capability_names; i++)
		if (capability_names[i].number == number) {
			snprintf(buf, sizeof(buf), "CAP_%s", capability_names[i].name);
			return buf;
		}
	return NULL;
}

int rlimit_number(const char *text)
{
	const char *name = after(text, "RLIMIT_");

	return name ? look_up(rlimit_names, n_rlimit_names, name) : -EINVAL;
}
