/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* say -- the container side's half of the talk, and the words a failure is made of. */
#include "stage.h"

int tell(struct stage *s, enum talk_type type, int fd)
{
	struct talk_record r = { .type = type };
	int e = talk_send(s->talk, &r, fd);

	return e < 0 ? stage_fail(s, WHERE_TALK, 0, e, NULL) : 0;
}

int expect(struct stage *s, enum talk_type type, int *fd)
{
	struct talk_record r;
	int e = talk_receive(s->talk, &r, fd);

	/* The host attaches the cgroup at once, so GO_ON may be in front of what we asked for. */
	if (e == 0 && r.type == TALK_GO_ON && type != TALK_GO_ON && !s->gone_on) {
		s->gone_on = true;
		s->state = *fd;
		e = talk_receive(s->talk, &r, fd);
	}
	if (e == 0 && r.type != (uint32_t)type) {
		fd_close(fd);
		e = -EPROTO;
	}
	return e < 0 ? stage_fail(s, WHERE_TALK, 0, e, NULL) : 0;
}

void warn_host(struct stage *s, enum talk_where where, int index, int err, const char *detail)
{
	struct talk_record kept = s->failure;

	stage_fail(s, where, index, err, detail);
	s->failure.type = TALK_WARNING;
	talk_send(s->talk, &s->failure, -1); /* a host side that is gone is noticed elsewhere */
	s->failure = kept;
}

int wait_go_on(const struct plan *p, struct stage *s)
{
	if (s->gone_on || !(p->wait_early || p->wait_late))
		return 0;
	int r = expect(s, TALK_GO_ON, &s->state);

	if (r < 0)
		return r;
	s->gone_on = true;
	return 0;
}

static void append(char *to, size_t size, const char *text)
{
	size_t n = strnlen(to, size - 1);

	while (*text && n < size - 1)
		to[n++] = *text++;
	to[n] = '\0';
}

int stage_fail2(struct stage *s, enum talk_where where, long index, int err, const char *first,
		const char *second)
{
	struct talk_record *f = &s->failure;

	f->type = TALK_FAILED;
	f->where = where;
	f->index = (int32_t)index;
	f->err = err < 0 ? -err : err;
	f->detail[0] = '\0';
	if (first)
		append(f->detail, sizeof(f->detail), first);
	if (first && second)
		append(f->detail, sizeof(f->detail), TALK_AND);
	if (second)
		append(f->detail, sizeof(f->detail), second);
	return f->err ? -f->err : -EINVAL;
}

int stage_fail(struct stage *s, enum talk_where where, long index, int err, const char *detail)
{
	return stage_fail2(s, where, index, err, detail, NULL);
}
