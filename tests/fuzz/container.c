/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container -- what comes from inside: the talk of ocirt-init, and messages for a service manager.
 *
 * The other side of both sockets may have been taken over by the container.
 */
#include "fuzz.h"

#include "base/printable.h"
#include "base/util.h"
#include "host/child.h"
#include "host/notify.h"
#include "host/words.h"
#include "plan/talk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int nowhere(void *arg, int *state, struct error *e)
{
	(void)arg, (void)state, (void)e;
	return 0;
}

static size_t open_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 128; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Whole records, one that is cut, and descriptors with some of them. */
static void say(int sock, const uint8_t *data, size_t size)
{
	struct talk_record r;

	while (size > 2) {
		size_t n = MIN(size - 2, sizeof(r));
		bool cut = data[0] & 1, with_fd = data[0] & 2;

		memset(&r, 0, sizeof(r));
		memcpy(&r, data + 2, n);
		/* Mostly something that there is. */
		if (data[0] & 4)
			r.type = data[1] % (TALK_STATE + 1);
		if (data[0] & 8)
			r.where = data[1] % (WHERE_COUNT + 1);
		if (cut)
			send(sock, &r, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		else if (talk_send(sock, &r, with_fd ? STDERR_FILENO : -1) < 0)
			break;
		data += n + 2;
		size -= n + 2;
	}
	shutdown(sock, SHUT_WR);
}

static void check_error(const struct error *e)
{
	ensure(memchr(e->text, '\0', sizeof(e->text)) && e->text[0]);
	ensure(memchr(e->hint, '\0', sizeof(e->hint)));
	char shown[sizeof(e->text)];

	printable(shown, sizeof(shown), e->text);
	for (const char *c = shown; *c; c++)
		ensure((unsigned char)*c >= 0x20 && *c != 0x7f &&
		       (c[0] != '\xc2' || c[1] >= '\xa0'));
}

void fuzz_talk(const uint8_t *data, size_t size)
{
	size_t before = open_descriptors();

	for (int executed = 0; executed < 2; executed++) {
		struct error e = { 0 };
		struct plan plan = { .kind = PLAN_CREATE };
		struct child c = CHILD_NONE;
		int talk[2];

		ensure(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) == 0);
		c.plan = &plan;
		c.talk = talk[0];
		c.at_namespaces = nowhere;
		/* All that the socket takes at once: nobody reads while it is said. */
		say(talk[1], data, MIN(size, (size_t)8000));
		int r = executed ? child_executed(c.talk, NULL, 1, &e) : child_attend(&c, &e);

		ensure(r <= 0 && (r == 0 || e.text[0]));
		if (r < 0)
			check_error(&e);
		close(talk[1]);
		child_close(&c);
	}
	struct talk_record r = { 0 };
	struct error e = { 0 };

	memcpy(&r, data, MIN(size, sizeof(r)));
	r.detail[sizeof(r.detail) - 1] = '\0';
	ensure(words_failed(&r, &e) < 0);
	check_error(&e);
	words_warn(&r);
	ensure(open_descriptors() == before);
}

/* Lines as sd_notify(3) has them; what is passed on arrives at a socket of ours. */
void fuzz_notify(const uint8_t *data, size_t size)
{
	static int manager = -1, pair[2];
	static char name[64];
	char text[8192];
	ssize_t n;

	if (manager < 0) {
		struct sockaddr_un at = { .sun_family = AF_UNIX };
		int len = snprintf(name, sizeof(name), "@ocirt-fuzz-%d", getpid());

		memcpy(at.sun_path, name, (size_t)len);
		at.sun_path[0] = '\0';
		manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		ensure(manager >= 0);
		ensure(bind(manager, (struct sockaddr *)&at,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)) ==
		       0);
		ensure(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) ==
		       0);
	}
	size_t before = open_descriptors();

	if (send(pair[1], data, size, MSG_NOSIGNAL) < 0)
		return; /* too long for the socket */
	int r = notify_forward(pair[0], name, getpid(), false);

	ensure(r == 0 || r == 1);
	while ((n = recv(manager, text, sizeof(text) - 1, 0)) >= 0) {
		text[n] = '\0';
		ensure(strlen(text) == (size_t)n);
		ensure(!strstr(text, "FDSTORE") || strchr(text, '='));
		for (char *line = text, *end; *line; line = *end ? end + 1 : end) {
			end = line + strcspn(line, "\n");
			ensure(strncmp(line, "FDSTORE", 7) != 0 && strncmp(line, "FDNAME", 6) != 0);
		}
	}
	ensure(open_descriptors() == before);
}
