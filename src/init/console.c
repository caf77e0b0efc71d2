/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console -- a pty from the container's own devpts, and who owns standard input and output.
 *
 * The slave side is got from the master itself (TIOCGPTPEER), never by a path: /dev/pts/N could be
 * a link by then (CVE-2025-52565).
 */
#include "steps.h"

#include "../base/confined.h"
#include "../base/sys.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static int open_master(struct stage *s)
{
	struct statfs fs;
	int unlock = 0;
	auto_close int pts = confined_open_plain(s->root, "dev/pts", O_PATH | O_DIRECTORY);

	if (pts < 0)
		return stage_fail(s, WHERE_CONSOLE, -1, pts, "/dev/pts");
	/* First this, since to open just any file can have effects, or last for ever. */
	if (PROTECT(devpts) && (fstatfs(pts, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC))
		return stage_fail(s, WHERE_CONSOLE, -1, ENOTTY, "/dev/pts is not a devpts");
	auto_close int master =
		sys_openat2(pts, "ptmx", O_RDWR | O_NOCTTY, 0,
			    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

	if (master < 0)
		return stage_fail(s, WHERE_CONSOLE, -1, master, "/dev/pts/ptmx");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return stage_fail(s, WHERE_CONSOLE, -1, errno, "unlocking");
	return fd_take(&master);
}

/* No LF to CR LF: the manager's terminal does that. */
static int set_modes(int slave, const struct plan_process *process)
{
	struct winsize size = { .ws_row = process->rows, .ws_col = process->columns };
	struct termios modes;

	if (tcgetattr(slave, &modes) < 0)
		return -errno;
	modes.c_oflag &= ~(tcflag_t)ONLCR;
	if (tcsetattr(slave, TCSANOW, &modes) < 0)
		return -errno;
	if ((size.ws_row || size.ws_col) && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return -errno;
	return 0;
}

static int bind_console(struct stage *s)
{
	auto_close int dev = confined_open(s->root, "dev", O_PATH | O_DIRECTORY);

	if (dev < 0 || (mknodat(dev, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST))
		return stage_fail(s, WHERE_CONSOLE, -1, dev < 0 ? dev : errno, "/dev/console");
	auto_close int target =
		sys_openat2(dev, "console", O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (target < 0)
		return stage_fail(s, WHERE_CONSOLE, -1, target, "/dev/console");
	auto_close int tree =
		sys_open_tree(s->console, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int r = tree < 0 ? tree
			 : sys_move_mount(tree, "", target, "",
					  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	return r < 0 ? stage_fail(s, WHERE_CONSOLE, -1, r, "/dev/console") : 0;
}

int make_console(const struct plan *p, struct stage *s)
{
	if (!p->process || !p->process->terminal)
		return 0;
	auto_close int master = open_master(s);

	if (master < 0)
		return master;
	s->console = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->console < 0)
		return stage_fail(s, WHERE_CONSOLE, -1, errno, "TIOCGPTPEER");
	int r = set_modes(s->console, p->process);

	if (r < 0)
		return stage_fail(s, WHERE_CONSOLE, -1, r, "terminal modes");
	if (p->kind != PLAN_EXEC && p->fs && (r = bind_console(s)) < 0)
		return r;
	return tell(s, TALK_CONSOLE, master);
}

/* Not devices: the host's /dev/null must never change hands. Not a file that is only read: whose it is
 * may write it. */
static bool may_be_given(int fd, const struct stat *st)
{
	return S_ISFIFO(st->st_mode) ||
	       (S_ISREG(st->st_mode) && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY);
}

/* What the program writes to must be its own, or it could not open /dev/stdout again. */
static void give_stdio(const struct plan_process *process)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && st.st_uid != process->uid && may_be_given(fd, &st) &&
		    fchown(fd, process->uid, (gid_t)-1) < 0)
			continue; /* read-only file system, unmapped owner: it works without, mostly */
	}
}

int begin_session(struct stage *s, bool terminal)
{
	/* TIOCSTI must not reach the caller's terminal (CVE-2017-5226). */
	if (PROTECT(session) && setsid() < 0)
		return stage_fail(s, WHERE_SESSION, -1, errno, NULL);
	if (terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return stage_fail(s, WHERE_CONSOLE, -1, errno, "TIOCSCTTY");
	return 0;
}

static int own_console(const struct plan *p, struct stage *s)
{
	if (fchown(s->console, p->process->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return stage_fail(s, WHERE_CONSOLE, -1, errno, "owner of the terminal");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(s->console, fd) < 0)
			return stage_fail(s, WHERE_STDIO, -1, errno, NULL);
	fd_close(&s->console);
	return 0;
}

int own_stdio(const struct plan *p, struct stage *s)
{
	bool terminal = s->console >= 0;

	if (terminal) {
		int r = own_console(p, s);

		if (r < 0)
			return r;
	} else if (p->process) {
		give_stdio(p->process);
	}
	if (p->born_inside)
		return 0; /* the session is the child's */
	/* With an init that stays, the session that has the terminal is the program's. */
	return begin_session(s, terminal && !p->stay);
}
