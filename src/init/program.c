/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program -- found, waited with, executed; and when execve(2) refuses, why.
 */
#include "steps.h"

#include "../base/confined.h"
#include "../base/number.h"
#include "../base/sys.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* As execvp would judge it, as the program's user. */
static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	/* By the system call: faccessat2 with AT_EACCESS, 5.8. The real and effective ids agree. */
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return -EACCES;
	return 0;
}

static bool join(char *out, size_t size, const char *dir, const char *name)
{
	size_t d = strlen(dir), n = strlen(name);

	if (d + n + 2 > size)
		return false;
	memcpy(out, dir, d);
	out[d] = '/';
	memcpy(out + d + 1, name, n + 1);
	return true;
}

/* Reported at create, where somebody listens, rather than at start. */
int find_program(const struct plan *p, struct stage *s)
{
	const struct plan_process *process = p->process;
	int worst = -ENOENT;

	if (!process)
		return 0;
	s->program = process->args[0];
	if (strchr(s->program, '/')) {
		int r = executable(s->program);

		return r < 0 ? stage_fail(s, WHERE_PROGRAM, -1, r, s->program) : 0;
	}
	for (const char *const *dir = process->path; *s->program && dir && *dir; dir++) {
		if (!join(s->program_path, sizeof(s->program_path), *dir, s->program))
			continue;
		int r = executable(s->program_path);

		if (r == 0) {
			s->program = s->program_path;
			return 0;
		}
		if (r == -EACCES) /* like execvp: something was there, say that */
			worst = r;
	}
	return stage_fail(s, WHERE_PROGRAM_NOT_IN_PATH, -1, worst, process->args[0]);
}

/*
 * The first process of a pid namespace ignores every signal that it does not handle, and a
 * container that is created but not started must end when it is told to.
 */
static void end_by_signal(int sig)
{
	_exit(128 + sig);
}

static void handle_signals(void (*handler)(int))
{
	static const int ending[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2,
				      SIGTERM, SIGALRM, SIGPIPE, SIGXCPU, SIGXFSZ };
	struct sigaction action = { .sa_handler = handler };

	for (size_t i = 0; i < array_len(ending); i++)
		sigaction(ending[i], &action, NULL);
}

int tell_ready(const struct plan *p, struct stage *s)
{
	/* Nobody may be told that all is well before GO_ON has come. */
	int r = enter_cgroup_namespace(p, s);

	if (r < 0)
		return r;
	/* From here on somebody may want to end it. */
	if (p->kind == PLAN_CREATE)
		handle_signals(end_by_signal);
	return tell(s, TALK_READY, -1);
}

static int accept_start(int listener)
{
	int fd;

	do
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? -errno : fd;
}

/*
 * For create, whoever connects to the socket in the state directory says "go"; a connection that
 * ends without a word was a look at whether we are there. Otherwise the host side itself says it.
 */
int wait_for_start(const struct plan *p, struct stage *s)
{
	struct talk_record r;
	int e;

	if (p->kind != PLAN_CREATE)
		return expect(s, TALK_STATE, &s->state);
	close(s->talk); /* `create` has ended */
	do {
		s->talk = accept_start(p->listen_fd);
		if (s->talk < 0)
			return stage_fail(s, WHERE_TALK, -1, s->talk, "accept");
		e = talk_receive(s->talk, &r, &s->state);
		if (e < 0 || r.type != TALK_STATE) {
			fd_close(&s->state);
			fd_close(&s->talk);
		}
	} while (s->talk < 0);
	handle_signals(SIG_DFL);
	close(p->listen_fd);
	if (!p->process)
		return stage_fail(s, WHERE_PROGRAM, -1, 0, "there is no program to start");
	return 0;
}

/* ---- HOME ---------------------------------------------------------------------------------- */

/* The sixth field of the passwd(5) line whose third is the uid. The file is the image's. */
static bool home_of(char *line, uid_t uid, char *out, size_t size)
{
	char *field[7];
	size_t n = 0;
	uint64_t id;

	for (char *at = line; n < 7; at++) {
		field[n++] = at;
		at += strcspn(at, ":");
		if (!*at)
			break;
		*at = '\0';
	}
	if (n < 6 || number_u64(field[2], UINT32_MAX, &id) < 0 || id != uid || field[5][0] != '/' ||
	    strlen(field[5]) >= size)
		return false;
	memcpy(out, field[5], strlen(field[5]) + 1);
	return true;
}

static void find_home(struct stage *s, uid_t uid, char *out, size_t size)
{
	char buf[4096];
	size_t have = 0, total = 0;
	ssize_t n;
	struct stat st;
	auto_close int fd = confined_open(s->root, "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);

	memcpy(out, "/", 2);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	while (total < (1 << 20) && (n = read(fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf, *newline;

		have += (size_t)n;
		total += (size_t)n;
		buf[have] = '\0';
		while ((newline = memchr(line, '\n', have - (size_t)(line - buf)))) {
			*newline = '\0';
			if (home_of(line, uid, out, size))
				return;
			line = newline + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == sizeof(buf) - 1) /* a line that long is nobody's */
			have = 0;
	}
	buf[have] = '\0';
	if (have)
		home_of(buf, uid, out, size);
}

/* ---- why execve failed ----------------------------------------------------------------------- */

/* The #! line's program, or the ELF loader, when that is what is missing. */
static bool find_interpreter(const char *path, char *out, size_t size, char *machine)
{
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	union {
		char text[512];
		Elf64_Ehdr elf;
	} head = { .text = { 0 } };
	ssize_t n = fd < 0 ? -1 : read(fd, &head, sizeof(head) - 1);

	if (n > 2 && head.text[0] == '#' && head.text[1] == '!') {
		char *at = head.text + 2;

		at += strspn(at, " \t");
		at[strcspn(at, " \t\r\n")] = '\0';
		if (strlen(at) >= size)
			return false;
		memcpy(out, at, strlen(at) + 1);
		return true;
	}
	if (n < (ssize_t)sizeof(head.elf) || memcmp(head.text, ELFMAG, SELFMAG) != 0)
		return false;
	machine[0] = (char)head.elf.e_machine;
	machine[1] = (char)(head.elf.e_machine >> 8);
	machine[2] = head.elf.e_ident[EI_CLASS];
	if (head.elf.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	for (unsigned int i = 0; i < head.elf.e_phnum && i < 64; i++) {
		Elf64_Phdr ph;

		if (pread(fd, &ph, sizeof(ph), (off_t)(head.elf.e_phoff + i * sizeof(ph))) !=
		    (ssize_t)sizeof(ph))
			return false;
		if (ph.p_type != PT_INTERP)
			continue;
		size_t len = ph.p_filesz < size ? (size_t)ph.p_filesz : size - 1;

		if (pread(fd, out, len, (off_t)ph.p_offset) != (ssize_t)len)
			return false;
		out[len] = '\0';
		return true;
	}
	return false;
}

static int explain(struct stage *s, int err)
{
	char interpreter[200], machine[3] = { 0 };
	bool found = find_interpreter(s->program, interpreter, sizeof(interpreter), machine);

	if (err == ENOENT && found && access(interpreter, F_OK) < 0)
		return stage_fail2(s, WHERE_INTERPRETER, -1, errno, s->program, interpreter);
	if (err == EACCES && found && access(interpreter, X_OK) < 0)
		return stage_fail2(s, WHERE_INTERPRETER, -1, errno, s->program, interpreter);
	if (err == ENOEXEC && (machine[0] || machine[1]))
		return stage_fail(s, WHERE_ARCHITECTURE,
				  (unsigned char)machine[0] | (unsigned char)machine[1] << 8, err,
				  s->program);
	return stage_fail(s, WHERE_PROGRAM, -1, err, s->program);
}

#define OWN_PID_SIZE 24

/* "LISTEN_PID=1" is what the host side says: the descriptors of LISTEN_FDS are for this process. */
static const char *own_pid(const char *variable, char *out)
{
	unsigned int pid = (unsigned int)getpid();
	char *at = out + OWN_PID_SIZE;

	if (!streq(variable, "LISTEN_PID=1"))
		return variable;
	*--at = '\0';
	do
		*--at = (char)('0' + pid % 10);
	while (pid /= 10);
	at -= 11;
	memcpy(at, "LISTEN_PID=", 11);
	return at;
}

static void try_execve(const struct plan *p, struct stage *s)
{
	const struct plan_process *process = p->process;
	char pid[OWN_PID_SIZE];

	if (!process->needs_home && !p->stay) {
		execve(s->program, (char *const *)process->args, (char *const *)process->env);
		return;
	}
	/* The environment is read-only and may be large: only its pointers are copied, to the stack,
	 * which execve's own limit on them (a quarter of it) fits into. */
	const char **env = __builtin_alloca((process->n_env + 2) * sizeof(*env));
	char home[256] = "HOME=";

	for (size_t i = 0; i < process->n_env; i++)
		env[i] = p->stay ? own_pid(process->env[i], pid) : process->env[i];
	env[process->n_env] = NULL;
	if (process->needs_home) {
		find_home(s, process->uid, home + 5, sizeof(home) - 5);
		env[process->n_env] = home;
		env[process->n_env + 1] = NULL;
	}
	execve(s->program, (char *const *)process->args, (char *const *)env);
}

int execute(const struct plan *p, struct stage *s)
{
	try_execve(p, s);
	return explain(s, errno);
}
