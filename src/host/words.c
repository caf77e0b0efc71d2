/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include "base/log.h"
#include "base/names.h"
#include "base/util.h"

#include <elf.h>
#include <stdio.h>

/*
 * `path` may hold one %d for the index, `what` one %s for the detail, or for its first part when %r
 * stands for the rest: ": " and the second part, or nothing. A hint goes with one errno, or with
 * any when it is 0.
 */
static const struct words {
	const char *path, *what;
	struct {
		int err;
		const char *text;
	} hints[5];
} table[WHERE_COUNT] = {
	[WHERE_NOWHERE] = { "", "ocirt-init failed" },
	[WHERE_ARENA] = { "", "ocirt-init cannot map the plan" },
	[WHERE_CGROUP] = { "linux.cgroupsPath",
			   "cannot join the cgroup",
			   { { ENOSPC, "a cpuset above it has no CPUs or memory nodes" } } },
	[WHERE_NAMESPACE_JOIN] = { "linux.namespaces[%d].path",
				   "cannot join '%s'",
				   { { EINVAL,
				       "the kernel refuses it for this process: is it of the "
				       "type that is asked for?" },
				     { EPERM,
				       "joining takes CAP_SYS_ADMIN in the namespace that owns "
				       "it" } } },
	[WHERE_NAMESPACE_NEW] = { "linux.namespaces",
				  "cannot make a new namespace (%s)",
				  { { EINVAL, "this kernel may lack it" },
				    { ENOSPC, "/proc/sys/user/max_*_namespaces is reached" } } },
	[WHERE_ID_MAPS] = { "linux.uidMappings", "cannot write the id maps" },
	[WHERE_TIME_OFFSETS] = { "linux.timeOffsets",
				 "the kernel refuses the offsets",
				 { { ERANGE, "the clock would be negative, or more than 146 years "
					     "ahead" } } },
	[WHERE_PROC_HANDLE] = { "",
				"cannot use the host's procfs: %s",
				{ { 0,
				    "ocirt needs procfs on /proc, with nothing mounted over it" } } },
	[WHERE_DUMPABLE] = { "", "cannot hide ocirt-init from the container" },
	[WHERE_LOOPBACK] = { "linux.namespaces",
			     "cannot bring up lo in the new network namespace" },
	[WHERE_HOSTNAME] = { "hostname", "cannot set '%s'" },
	[WHERE_DOMAINNAME] = { "domainname", "cannot set '%s'" },
	[WHERE_KEYRING] = { "",
			    "cannot take a new session keyring: the caller's stays",
			    { { EDQUOT, "/proc/sys/kernel/keys/maxkeys is reached" } } },
	[WHERE_ROOT_PROPAGATION] = { "root.path", "cannot cut the mounts off from the host's" },
	[WHERE_ROOT_PATH] = { "root.path",
			      "cannot mount '%s'",
			      { { EACCES,
				  "the container's root user may not get there: look at the "
				  "modes of the directories above it" } } },
	[WHERE_LAYER] = { "", "overlay: cannot open the layer '%s'" },
	[WHERE_OVERLAY_OPTIONS] = { "",
				    "cannot put an overlay over the root: it refuses %s%r",
				    { { E2BIG, "this kernel takes about 14 layers, Linux 6.5 all "
					       "of them" } } },
	[WHERE_OVERLAY] = { "",
			    "cannot put an overlay over the root: %s%r",
			    { { ENODEV, "this kernel has no overlayfs: 'modprobe overlay'?" },
			      { EPERM, "in a user namespace it needs Linux 5.11" },
			      { ELOOP, "one of the layers is inside of another" },
			      { EACCES, "do the directories belong to the container's root user?" },
			      { EINVAL,
				"not every file system can be a layer: the upper one cannot be an "
				"overlay, NFS or FAT" } } },
	[WHERE_ROOT_READONLY] = { "root.readonly", "cannot make the root read-only" },
	[WHERE_ROOTFS_PROPAGATION] = { "linux.rootfsPropagation", "cannot set it" },
	[WHERE_PIVOT] = { "root.path",
			  "cannot make it the root: %s",
			  { { EINVAL, "a root on initramfs needs --no-pivot" } } },
	[WHERE_MOUNT_SOURCE] = { "mounts[%d].source", "cannot open '%s'" },
	[WHERE_MOUNT_DESTINATION] = { "mounts[%d].destination",
				      "cannot open or make '%s'",
				      { { ENOENT,
					  "a symbolic link on the way leads to nothing inside "
					  "the root filesystem" },
					{ ELOOP, "a symbolic link on the way is not followed" },
					{ EACCES,
					  "the container's root user may not make it: does the "
					  "root filesystem belong to the mapped ids?" } } },
	[WHERE_MOUNT_LINKED] = { "mounts[%d].destination",
				 "'%s' must be mounted on ordinary directory, here is a symbolic link "
				 "or a file",
				 { { 0,
				     "an image with such a link tries to redirect what ocirt writes "
				     "there" } } },
	[WHERE_MOUNT_TYPE] = { "mounts[%d].type",
			       "unknown file system type '%s'",
			       { { ENODEV, "/proc/filesystems lists those of this kernel" } } },
	[WHERE_MOUNT_OPTION] = { "mounts[%d].options", "the file system refuses '%s'%r" },
	[WHERE_MOUNT_CREATE] = { "mounts[%d]",
				 "cannot mount a %s%r",
				 { { EPERM,
				     "in a user namespace only some file systems may be mounted" },
				   { ENODEV, "/proc/filesystems lists those of this kernel" } } },
	[WHERE_MOUNT_ATTRIBUTES] = { "mounts[%d].options",
				     "cannot set the mount's flags",
				     { { EPERM,
					 "in a user namespace, flags that the host has set "
					 "(ro, nosuid, nodev, noexec, noatime) are locked" } } },
	[WHERE_MOUNT_IDMAP] = { "mounts[%d]",
				"cannot map its ids",
				{ { EINVAL,
				    "this file system does not support idmapped mounts" } } },
	[WHERE_MOUNT_ATTACH] = { "mounts[%d].destination",
				 "cannot mount onto '%s'",
				 { { ENOTDIR,
				     "one of source and destination is a directory, the other "
				     "is not" } } },
	[WHERE_MOUNT_COPY_UP] = { "mounts[%d].options", "tmpcopyup: cannot copy '%s'" },
	[WHERE_DEVICE] = { "linux.devices[%d]",
			   "cannot make '%s'",
			   { { EPERM,
			       "making device nodes takes CAP_MKNOD and a cgroup that allows it" },
			     { ENOENT,
			       "a symbolic link on the way leads to nothing inside the root "
			       "filesystem" } } },
	[WHERE_DEVICE_MISMATCH] = { "linux.devices[%d].path",
				    "'%s' is there already and is not that device" },
	[WHERE_DEV_LINK] = { "",
			     "cannot make the link '%s'",
			     { { ENOENT,
				 "a symbolic link on the way leads to nothing inside the root "
				 "filesystem" } } },
	[WHERE_CONSOLE] = { "process.terminal",
			    "cannot make the terminal: %s",
			    { { ENOENT, "a terminal needs a devpts mounted on /dev/pts" } } },
	[WHERE_CREATE_HOOK] = { "", "error running createContainer hook #%d: %s" },
	[WHERE_START_HOOK] = { "", "error running startContainer hook #%d: %s" },
	[WHERE_MASKED_PATH] = { "linux.maskedPaths[%d]", "cannot mask '%s'" },
	[WHERE_READONLY_PATH] = { "linux.readonlyPaths[%d]", "cannot make '%s' read-only" },
	[WHERE_SYSCTL] = { "linux.sysctl",
			   "cannot write '%s'",
			   { { ENOENT, "this kernel does not have it" },
			     { EINVAL, "the kernel refuses the value" } } },
	[WHERE_CWD] = { "process.cwd", "cannot enter '%s'" },
	[WHERE_CWD_OUTSIDE] = { "process.cwd",
				"'%s' is outside of the container's root",
				{ { 0, "it leads through a descriptor of the host" } } },
	/*
	 * These hints are read by programs, too: `docker run` ends with 127 when the message has "no
	 * such file or directory" or "executable file not found", with 126 for "permission denied",
	 * in just these letters.
	 */
	[WHERE_PROGRAM] = { "process.args",
			    "exec '%s'",
			    { { EACCES,
				"permission denied to process.user, or its mount is noexec" },
			      { ENOENT,
				"there is no such file or directory in the root filesystem" },
			      { EISDIR, "permission denied: a directory is no program" } } },
	[WHERE_PROGRAM_NOT_IN_PATH] = { "process.args",
					"executable file '%s' not found in $PATH",
					{ { 0,
					    "executable file not found in any directory that PATH of "
					    "process.env names" } } },
	[WHERE_INTERPRETER] = { "process.args",
				"exec '%s': cannot use its interpreter%r",
				{ { ENOENT,
				    "the file is there, but no such file or directory as the #! "
				    "program or ELF loader that it names" } } },
	[WHERE_ARCHITECTURE] = { "process.args", "exec '%s': it is for another architecture" },
	[WHERE_RLIMIT] = { "process.rlimits[%d]",
			   "cannot set it",
			   { { EPERM,
			       "raising a hard limit takes CAP_SYS_RESOURCE, and RLIMIT_NOFILE "
			       "ends at /proc/sys/fs/nr_open" } } },
	[WHERE_OOM_SCORE] = { "process.oomScoreAdj",
			      "cannot set it",
			      { { EACCES, "lowering it takes CAP_SYS_RESOURCE" } } },
	[WHERE_SCHEDULER] = { "process.scheduler",
			      "the kernel refuses it",
			      { { EPERM,
				  "real-time policies take CAP_SYS_NICE and an rt budget in the "
				  "cpu cgroup" },
				{ EBUSY,
				  "SCHED_DEADLINE: the CPUs have no such bandwidth left" } } },
	[WHERE_IOPRIO] = { "process.ioPriority",
			   "the kernel refuses it",
			   { { EPERM, "IOPRIO_CLASS_RT takes CAP_SYS_NICE or CAP_SYS_ADMIN" } } },
	[WHERE_PERSONALITY] = { "linux.personality", "the kernel refuses it" },
	[WHERE_MEMPOLICY] = { "linux.memoryPolicy",
			      "the kernel refuses it",
			      { { EINVAL,
				  "a node that is not there, or a mode this kernel lacks" } } },
	[WHERE_AFFINITY] = { "process.execCPUAffinity",
			     "the kernel refuses it",
			     { { EINVAL, "none of these CPUs is in the container's cpuset" } } },
	[WHERE_GROUPS] = { "process.user.additionalGids",
			   "cannot set them",
			   { { EINVAL, "a gid that is not mapped in linux.gidMappings" },
			     { EPERM, "setgroups(2) is denied in this user namespace" } } },
	[WHERE_GID] = { "process.user.gid",
			"cannot take it",
			{ { EINVAL, "it is not mapped in linux.gidMappings" } } },
	[WHERE_UID] = { "process.user.uid",
			"cannot take it",
			{ { EINVAL, "it is not mapped in linux.uidMappings" },
			  { EAGAIN, "RLIMIT_NPROC of that user is reached" } } },
	[WHERE_CAPABILITIES] = { "process.capabilities", "cannot set the sets (%s)" },
	[WHERE_AMBIENT] = { "process.capabilities.ambient", "cannot raise a capability" },
	[WHERE_CAPABILITY_MISSING] = { "process.capabilities",
				       "a capability cannot be granted here" },
	[WHERE_NO_NEW_PRIVS] = { "process.noNewPrivileges", "cannot set it" },
	[WHERE_SECCOMP] = { "linux.seccomp",
			    "the kernel refuses the filter",
			    { { EINVAL, "a flag or action that this kernel lacks" },
			      { EACCES, "without noNewPrivileges it takes CAP_SYS_ADMIN" } } },
	[WHERE_LISTENER] = { "linux.seccomp.listenerPath", "the agent did not take the listener" },
	[WHERE_APPARMOR] = { "process.apparmorProfile",
			     "cannot take the profile '%s'",
			     { { ENOENT, "the profile is not loaded, or this kernel runs without "
					 "AppArmor" },
			       { EINVAL, "this kernel runs without AppArmor" } } },
	[WHERE_SELINUX] = { "process.selinuxLabel",
			    "cannot take the label '%s'",
			    { { EINVAL,
				"the label is not valid, or this kernel runs without SELinux" } } },
	[WHERE_BIRTH] = { "",
			  "cannot make a process in the container",
			  { { EAGAIN, "a limit on processes is reached, pids.max of the cgroup or "
				      "RLIMIT_NPROC: an exec takes two for a moment" },
			    { ENOMEM, "the container's first process has ended meanwhile" } } },
	[WHERE_STAY] = { "",
			 "ocirt-init cannot stay as the program's parent: %s",
			 { { EAGAIN, "a limit on processes is reached, pids.max of the cgroup or "
				     "RLIMIT_NPROC: with it the container needs one more" } } },
	[WHERE_STDIO] = { "", "cannot put the terminal on standard input and output" },
	[WHERE_FDS] = { "", "cannot close the descriptors" },
	[WHERE_TALK] = { "", "ocirt-init lost its connection" },
	[WHERE_SESSION] = { "", "cannot begin a session for the process" },
};

static size_t put(char *out, size_t room, const char *text, size_t len)
{
	memcpy(out, text, MIN(len, room));
	return MIN(len, room);
}

/* The %d, %s and %r of a row, without giving the table to printf. */
static void fill(char *out, size_t size, const char *format, int index, const char *detail)
{
	size_t n = 0, whole = strlen(detail);
	size_t first = strstr(format, "%r") ? strcspn(detail, TALK_AND) : whole;

	for (const char *c = format; *c && n + 1 < size; c++) {
		if (c[0] == '%' && c[1] == 'd') {
			n += (size_t)snprintf(out + n, size - n, "%d", index);
			c++;
		} else if (c[0] == '%' && c[1] == 's') {
			n += put(out + n, size - 1 - n, detail, first);
			c++;
		} else if (c[0] == '%' && c[1] == 'r') {
			if (first < whole) {
				n += put(out + n, size - 1 - n, ": ", 2);
				n += put(out + n, size - 1 - n, detail + first + 1,
					 whole - first - 1);
			}
			c++;
		} else {
			out[n++] = *c;
		}
		n = MIN(n, size - 1);
	}
	out[n] = '\0';
}

static const char *machine_name(int machine)
{
	static const struct name machines[] = {
		{ "x86", EM_386 },         { "arm", EM_ARM },     { "x86-64", EM_X86_64 },
		{ "aarch64", EM_AARCH64 }, { "riscv", EM_RISCV }, { "s390", EM_S390 },
		{ "ppc64", EM_PPC64 },     { "mips", EM_MIPS },   { "loongarch", 258 },
	};

	for (size_t i = 0; i < array_len(machines); i++)
		if (machines[i].number == machine)
			return machines[i].name;
	return NULL;
}

/* A file that is nobody's program has a path; a default device or a link of /dev has no index. */
static void write_path(char *out, size_t size, const struct talk_record *r, const struct words *w)
{
	out[0] = '\0';
	if (!*w->path || (strchr(w->path, '%') && r->index < 0))
		return;
	fill(out, size, w->path, r->index, "");
	if (strlen(out) + 3 < size)
		memcpy(out + strlen(out), ": ", 3);
}

int words_failed(const struct talk_record *r, struct error *e)
{
	const struct words *w = &table[r->where < WHERE_COUNT ? r->where : WHERE_NOWHERE];
	char path[128], what[512];
	bool hook = r->where == WHERE_CREATE_HOOK || r->where == WHERE_START_HOOK;
	int err = r->err > 0 && r->err < 4096 ? r->err : 0;

	write_path(path, sizeof(path), r, w);
	fill(what, sizeof(what), w->what, r->index, r->detail);
	fail(e, hook && !r->err ? 0 : err, "%s%s", path, what);
	if (!err)
		e->code = EINVAL;
	if (r->where == WHERE_MOUNT_CREATE && err == EPERM && strcspn(r->detail, TALK_AND) == 4 &&
	    strncmp(r->detail, "proc", 4) == 0)
		hint(e,
		     "in a user namespace the kernel makes one only where the /proc that ocirt has "
		     "is whole; inside of another container, let that one show all of it (Podman: "
		     "unmask=ALL, Docker: systempaths=unconfined), or leave the pid namespace out");
	for (size_t i = 0; i < array_len(w->hints); i++)
		if (w->hints[i].text && (w->hints[i].err == 0 || w->hints[i].err == err) &&
		    !e->hint[0])
			hint(e, "%s", w->hints[i].text);
	if (r->where == WHERE_ARCHITECTURE && machine_name(r->index))
		hint(e, "the file is for %s", machine_name(r->index));
	if (r->where == WHERE_PROGRAM && err == ENOEXEC)
		hint(e, "it is neither an ELF program nor a script that begins with #!");
	return -(err ? err : EINVAL);
}

void words_warn(const struct talk_record *r)
{
	struct error e = { 0 };

	words_failed(r, &e);
	log_warning("%s", e.text);
}
