/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * listener -- a seccomp filter whose notifications go to an agent (seccomp_unotify(2)).
 *
 * The descriptor comes into being together with the filter, and the filter may stop the very calls
 * that would hand it over: a profile that notifies of sendmsg(2) would wait for an agent that waits
 * for us. So a thread that was there before, and has no filter, hands it over, while this one makes
 * no system call at all.
 */
#include "stage.h"

#include "../base/sys.h"

#include <linux/seccomp.h>
#include <sched.h>

enum { NOT_YET = -1, FAILED = -2 };

struct handover {
	int talk;
	volatile int listener; /* NOT_YET, FAILED, or the descriptor */
	volatile int done;     /* NOT_YET, FAILED, or 0 */
};

/* Turns once around for some microseconds: between its start and the one call of the other. */
static int hand_over(void *arg)
{
	struct handover *h = arg;
	struct talk_record r = { .type = TALK_LISTENER };
	int none = -1;

	while (h->listener == NOT_YET)
		sched_yield();
	if (h->listener >= 0 && talk_send(h->talk, &r, h->listener) == 0 &&
	    talk_receive(h->talk, &r, &none) == 0 && r.type == TALK_LISTENER_SENT)
		h->done = 0;
	else
		h->done = FAILED;
	return 0; /* an init that stays must not keep a thread without the filter */
}

int install_listening_filter(const struct plan_seccomp *filter, struct stage *s)
{
	static _Alignas(16) char stack[8192];
	static struct handover h = { .listener = NOT_YET, .done = NOT_YET };
	const struct sock_fprog program = { .len = filter->len,
					    .filter = (struct sock_filter *)filter->filter };

	h.talk = s->talk;
	if (clone(hand_over, stack + sizeof(stack),
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		  &h) < 0)
		return stage_fail(s, WHERE_SECCOMP, -1, errno, NULL);
	long r = nerrno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program));

	h.listener = r < 0 ? FAILED : (int)r;
	if (r < 0)
		return stage_fail(s, WHERE_SECCOMP, -1, (int)r, NULL);
	while (h.done == NOT_YET)
		; /* no system call: any may be the one that is notified of */
	return h.done < 0 ? stage_fail(s, WHERE_LISTENER, -1, 0, NULL) : 0;
}
