/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ocirt-init -- the container side, from clone3() to execve().
 *
 * Started by host/spawn.c from a sealed memfd, with the descriptor of the sealed arena as its only
 * argument. It maps the arena at the address that the host used and walks a table of steps over the
 * plan in it. No JSON, no libraries, no heap: this is the part that meets the image's files.
 */
#include "steps.h"

#include "../base/number.h"
#include "../base/sys.h"
#include "../base/weakened.h"
#include "arena.h"

#include <sys/mman.h>
#include <sys/stat.h>

/*
 * The story of a container. The order is the argument:
 *
 * - procfs is taken from the host before anything of the container is entered;
 * - the host writes the id maps before the first thing is made in the user namespace;
 * - the root is attached with the caller's eyes (its directory may be closed to the container's
 *   root), everything below it is made by the container's own root, and layers over it, too, since
 *   they take the ids of whoever mounts them;
 * - mounts come in the order of config.json, devices on top of them, the console on top of those;
 * - createContainer hooks see all of it and still the host; then host paths end;
 * - protections come after pivot_root, on paths that can no longer reach the host;
 * - no directory of the host is open any more when paths of the image are followed, links and all;
 * - what needs privileges comes before they go, and the seccomp filter last, because every call
 *   after it must pass it;
 * - an init that stays is ocirt-init before it is confined, so that it and the program are it alike.
 */
const struct step create_steps[] = {
	{ "hide from the container", hide },
	{ "take procfs", open_proc_handle },
	{ "join cgroups", join_cgroups },
	{ "map ids", ask_for_id_maps },
	{ "join namespaces", join_namespaces },
	{ "enter the time namespace", enter_time_namespace },
	{ "bring up lo", bring_up_loopback },
	{ "set host and domain name", set_names },
	{ "take a session keyring", new_keyring },
	{ "tell that namespaces are there", tell_namespaces },
	{ "attach the root", attach_root },
	{ "become root inside", become_root },
	{ "put layers over the root", mount_overlay },
	{ "mount", mount_all },
	{ "make devices", make_devices },
	{ "make the console", make_console },
	{ "take a null device", take_null },
	{ "enter the cgroup namespace", enter_cgroup_namespace },
	{ "run createContainer hooks", create_container_hooks },
	{ "enter the root", enter_root },
	{ "finish the root", finish_root },
	{ "protect paths", protect_paths },
	{ "set the propagation of the root", propagate_root },
	{ "write sysctls", write_sysctls },
	{ "set limits", set_limits },
	{ "let go of procfs", let_go_of_proc },
	{ "set scheduling", set_scheduling },
	{ "set the memory policy", set_memory_policy },
	{ "enter the working directory", enter_cwd },
	{ "own standard input and output", own_stdio },
	{ "drop the bounding set", drop_bounding_set },
	{ "take the user", take_user },
	{ "enter the working directory as the user", enter_cwd_as_user },
	{ "find the program", find_program },
	{ "tell that it is ready", tell_ready },
	{ "wait for start", wait_for_start },
	{ "run startContainer hooks", start_container_hooks },
	{ "stay behind as its parent", stay_as_init }, /* what follows is the child's then */
	{ "confine", confine },
	{ "execute", execute }, /* returns only to report a failure */
	{ NULL, NULL },
};

/*
 * A second process: what is there is joined, not made. It is seen inside when nothing can be taken
 * from it any more; see birth.c.
 */
const struct step exec_steps[] = {
	{ "hide from the container", hide },
	{ "take procfs", open_proc_handle },
	{ "join cgroups", join_cgroups },
	{ "join namespaces", join_namespaces },
	{ "take a session keyring", new_keyring },
	{ "become root inside", become_root },
	{ "use the root that is there", use_present_root },
	{ "make the console", make_console },
	{ "set limits", set_limits },
	{ "let go of procfs", let_go_of_proc },
	{ "set scheduling", set_scheduling },
	{ "set the memory policy", set_memory_policy },
	{ "enter the working directory", enter_cwd },
	{ "own standard input and output", own_stdio },
	{ "drop the bounding set", drop_bounding_set },
	{ "take the user", take_user },
	{ "enter the working directory as the user", enter_cwd_as_user },
	{ "find the program", find_program },
	{ "have the program's rights", take_rights_early },
	{ "be born inside", be_born }, /* what follows is the child's */
	{ "tell that it is ready", tell_ready },
	{ "wait for start", wait_for_start },
	{ "confine", confine },
	{ "execute", execute },
	{ NULL, NULL },
};

/* PRIVATE, because kernels before 6.7 refuse a shared mapping of a write-sealed memfd. */
static const struct plan *map_plan(int fd, struct stage *s)
{
	struct arena_header header;

	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    header.magic != ARENA_MAGIC)
		return NULL;
	void *at = mmap((void *)(uintptr_t)header.base, header.size, PROT_READ,
			MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);

	if (at != (void *)(uintptr_t)header.base)
		return NULL;
	const struct plan *p = header.root;

	s->plan = at;
	s->plan_size = header.size;
	return p && p->version == PLAN_VERSION ? p : NULL;
}

static int run_steps(const struct step steps[], const struct plan *p, struct stage *s)
{
	for (size_t i = 0; steps[i].name; i++) {
		int r = steps[i].run(p, s);

		if (r < 0)
			return r;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	static struct stage stage = { .talk = -1,
				      .proc = -1,
				      .self = -1,
				      .labels = { { -1, -1 }, { -1, -1 } },
				      .root = -1,
				      .state = -1,
				      .held = { { "/proc", -1 }, { "/sys", -1 } },
				      .null_tree = -1,
				      .console = -1 };
	uint64_t fd;

	if (argc != 2 || number_u64(argv[1], INT32_MAX, &fd) < 0)
		return 1;
	const struct plan *p = map_plan((int)fd, &stage);

	if (!p)
		return 1;
#ifdef WEAKENED
	weakened = p->weakened;
#endif
	close((int)fd);
	/* They crossed one execve to get here, and must not cross the next. */
	int preserved = p->process ? p->process->preserve_fds : 0;

	if (PROTECT(close_on_exec) &&
	    sys_close_range((unsigned int)(3 + preserved), ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return 1;
	stage.umask = umask(0); /* modes are those of the plan */
	stage.talk = p->talk_fd;

	if (run_steps(p->kind == PLAN_EXEC ? exec_steps : create_steps, p, &stage) < 0)
		talk_send(stage.talk, &stage.failure, -1);
	return 1;
}
