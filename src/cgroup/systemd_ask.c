/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd_ask -- one run of ocirt-systemd, which talks D-Bus: words in, a line or an error out.
 */
#include "systemd.h"

#include "base/file.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/util.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define OUTPUT 65536

static const void *program;
static size_t program_size;

void cgroup_systemd_program(const void *data, size_t size)
{
	program = data;
	program_size = size;
}

void systemd_add(struct systemd_request *q, const char *fmt, ...)
{
	char **more = realloc(q->v, (q->n + 2) * sizeof(*more));
	va_list ap;

	if (more) {
		q->v = more;
		va_start(ap, fmt);
		if (vasprintf(&q->v[q->n], fmt, ap) < 0)
			q->v[q->n] = NULL;
		va_end(ap);
	}
	if (!more || !q->v[q->n]) {
		q->full = true;
		return;
	}
	q->v[++q->n] = NULL;
}

void systemd_request_free(struct systemd_request *q)
{
	for (size_t i = 0; i < q->n; i++)
		free(q->v[i]);
	free(q->v);
}

int systemd_have_program(struct error *e)
{
	if (program)
		return 0;
	fail(e, 0, "the systemd cgroup driver is not part of this build");
	return hint(e, "use --cgroup-manager cgroupfs, and tell the same to the manager");
}

static int load(struct error *e)
{
	int r = systemd_have_program(e);

	if (r < 0)
		return r;
	auto_close int fd = memfd_create("ocirt-systemd", MFD_CLOEXEC);

	r = fd < 0 ? -errno : write_all(fd, program, program_size);

	return r < 0 ? fail(e, r, "cannot write ocirt-systemd into memory") : fd_take(&fd);
}

static pid_t spawn(int fd, int output, char *const *argv)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	sigemptyset(&none);
	sys_default_signals();
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(null, 0) >= 0 && dup2(output, 1) >= 0 && dup2(output, 2) >= 0)
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	_exit(126);
}

/* What it said, in one line of error and maybe one of hint. */
static int complain(char *said, int status, struct error *e)
{
	char *line, *rest = said;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
		fail(e, 0, "systemd does not answer: no reply from the bus");
		e->code = ETIMEDOUT;
		return -e->code;
	}
	line = strsep(&rest, "\n");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && *line) {
		fail(e, 0, "%s", line);
		line = strsep(&rest, "\n");
		return line && *line ? hint(e, "%s", line) : -EINVAL;
	}
	fail(e, 0, "cannot talk to systemd: ocirt-systemd %s %d%s%s",
	     WIFSIGNALED(status) ? "was killed by signal" : "ended with status",
	     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), *line ? ": " : "", line);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return hint(e, "the systemd driver needs libsystemd.so.0 at run time");
	return -EINVAL;
}

int systemd_ask(struct systemd_request *q, char **out, struct error *e)
{
	int ends[2];
	int status;

	if (q->full)
		return fail(e, ENOMEM, "cannot ask systemd");
	for (size_t i = 1; i < q->n; i++)
		log_debug("ocirt-systemd: %s", q->v[i]);
	auto_close int fd = load(e);

	if (fd < 0)
		return fd;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(e, errno, "cannot ask systemd");
	pid_t pid = spawn(fd, ends[1], q->v);
	auto_close int from = ends[0];
	auto_free char *said = NULL;

	close(ends[1]);
	if (pid < 0)
		return fail(e, errno, "cannot start ocirt-systemd");
	/* Whatever happens, it ends by itself. */
	ssize_t n = file_read_fd(from, OUTPUT, &said);

	fd_close(&from);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n < 0)
		return fail(e, (int)n, "cannot read what ocirt-systemd says");
	if (status != 0)
		return complain(said, status, e);
	said[strcspn(said, "\n")] = '\0';
	if (out) {
		*out = said;
		said = NULL;
	}
	return 0;
}
