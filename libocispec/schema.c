/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schema -- the rows: every property of the specification, once.
 *
 * A row says the property's name, its kind and the member it lives in; the macros below check the
 * member's type, so that a wrong kind does not compile. A member is named like its property, hence
 * one word serves for both. Rows are in the order in which the writer writes them.
 */
#include "ocispec.h"

#include <string.h>
#include <strings.h>

#define MEMBER(s, m)   (((s *)0)->m)
#define IS(s, m, type) __builtin_types_compatible_p(__typeof__(MEMBER(s, m)), type)

/* Zero, or a compile error when the member is not what the row says. */
#define MUST(cond) (0 * sizeof(char[(cond) ? 1 : -1]))

#define ROW(s, m, k, cond, ...)                                                                   \
	.name = #m, .name_len = sizeof(#m) - 1, .kind = k, .offset = offsetof(s, m) + MUST(cond), \
	__VA_ARGS__

/* What may follow a row. */
#define REQUIRED    .required = true
#define POSITIVE    .at_least_one = true
#define WORDS(list) .words = list

/* clang-format off */
#define STRING(s, m, ...)  { ROW(s, m, OCI_STRING, IS(s, m, const char *), __VA_ARGS__) }
#define BOOL(s, m, ...)    { ROW(s, m, OCI_BOOL, IS(s, m, struct opt_bool), .opt = true, __VA_ARGS__) }
#define I32(s, m, ...)     { ROW(s, m, OCI_I32, IS(s, m, struct opt_i32), .opt = true, __VA_ARGS__) }
#define I64(s, m, ...)     { ROW(s, m, OCI_I64, IS(s, m, struct opt_i64), .opt = true, __VA_ARGS__) }
#define U16(s, m, ...)     { ROW(s, m, OCI_U16, IS(s, m, struct opt_u16), .opt = true, __VA_ARGS__) }
#define U32(s, m, ...)     { ROW(s, m, OCI_U32, IS(s, m, struct opt_u32), .opt = true, __VA_ARGS__) }
#define U64(s, m, ...)     { ROW(s, m, OCI_U64, IS(s, m, struct opt_u64), .opt = true, __VA_ARGS__) }

/* The same as plain members. */
#define PLAIN_BOOL(s, m, ...) { ROW(s, m, OCI_BOOL, IS(s, m, bool), __VA_ARGS__) }
#define PLAIN_I32(s, m, ...)  { ROW(s, m, OCI_I32, IS(s, m, int32_t), __VA_ARGS__) }
#define PLAIN_I64(s, m, ...)  { ROW(s, m, OCI_I64, IS(s, m, int64_t), __VA_ARGS__) }
#define PLAIN_U32(s, m, ...)  { ROW(s, m, OCI_U32, IS(s, m, uint32_t), __VA_ARGS__) }
#define PLAIN_U64(s, m, ...)  { ROW(s, m, OCI_U64, IS(s, m, uint64_t), __VA_ARGS__) }

#define COUNTED(s, m) .n_offset = offsetof(s, n_##m) + MUST(IS(s, n_##m, size_t))
#define STRINGS(s, m, ...) \
	{ ROW(s, m, OCI_STRINGS, IS(s, m, const char **), COUNTED(s, m), __VA_ARGS__) }
#define U32S(s, m, ...) \
	{ ROW(s, m, OCI_U32S, IS(s, m, uint32_t *), COUNTED(s, m), __VA_ARGS__) }
#define STRING_MAP(s, m, ...) \
	{ ROW(s, m, OCI_STRING_MAP, IS(s, m, struct oci_string_map *), __VA_ARGS__) }

/* `t` is the struct without its "oci_"; it names the schema too. */
#define OBJECT(s, m, t, ...) \
	{ ROW(s, m, OCI_OBJECT, IS(s, m, struct oci_##t *), .schema = &t##_schema, __VA_ARGS__) }
#define OBJECTS(s, m, t, ...) \
	{ ROW(s, m, OCI_OBJECTS, IS(s, m, struct oci_##t *), COUNTED(s, m), \
	      .schema = &t##_schema, __VA_ARGS__) }
#define OBJECT_MAP(s, m, t, ...) \
	{ ROW(s, m, OCI_OBJECT_MAP, \
	      IS(s, m, struct oci_##t *) && offsetof(struct oci_##t, key) == 0, COUNTED(s, m), \
	      .schema = &t##_schema, __VA_ARGS__) }

/* A section for another platform. Known, so that nobody is told of a typing error. */
#define FOREIGN(n) { .name = #n, .name_len = sizeof(#n) - 1, .kind = OCI_FOREIGN }

#define SCHEMA_BODY(t) \
	{ .name = #t, .rows = t##_rows, .n_rows = sizeof(t##_rows) / sizeof(t##_rows[0]), \
	  .size = sizeof(struct oci_##t) }; \
	/* The reader keeps one bit per row. */ \
	_Static_assert(sizeof(t##_rows) / sizeof(t##_rows[0]) <= 64, #t)
#define SCHEMA(t) static const struct oci_schema t##_schema = SCHEMA_BODY(t)

/* Those that the header names, under their public and their local name. */
#define PUBLIC_SCHEMA(t) const struct oci_schema oci_##t##_schema = SCHEMA_BODY(t)
#define config_schema oci_config_schema
#define process_schema oci_process_schema
#define resources_schema oci_resources_schema
#define mount_schema oci_mount_schema
#define linux_schema oci_linux_schema
#define seccomp_schema oci_seccomp_schema
#define hooks_schema oci_hooks_schema
#define state_schema oci_state_schema

/* ---- lists of words that more than one row has ----------------------------------------------- */

#define NAMESPACES "mount pid network uts ipc user cgroup time"

#define SECCOMP_ACTIONS \
	"SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD SCMP_ACT_TRAP SCMP_ACT_ERRNO " \
	"SCMP_ACT_TRACE SCMP_ACT_ALLOW SCMP_ACT_LOG SCMP_ACT_NOTIFY"

#define SECCOMP_OPERATORS \
	"SCMP_CMP_NE SCMP_CMP_LT SCMP_CMP_LE SCMP_CMP_EQ SCMP_CMP_GE SCMP_CMP_GT " \
	"SCMP_CMP_MASKED_EQ"

#define SECCOMP_ARCHS \
	"SCMP_ARCH_X86 SCMP_ARCH_X86_64 SCMP_ARCH_X32 SCMP_ARCH_ARM SCMP_ARCH_AARCH64 " \
	"SCMP_ARCH_LOONGARCH64 SCMP_ARCH_M68K SCMP_ARCH_MIPS SCMP_ARCH_MIPS64 " \
	"SCMP_ARCH_MIPS64N32 SCMP_ARCH_MIPSEL SCMP_ARCH_MIPSEL64 SCMP_ARCH_MIPSEL64N32 " \
	"SCMP_ARCH_PPC SCMP_ARCH_PPC64 SCMP_ARCH_PPC64LE SCMP_ARCH_S390 SCMP_ARCH_S390X " \
	"SCMP_ARCH_SH SCMP_ARCH_SHEB SCMP_ARCH_PARISC SCMP_ARCH_PARISC64 SCMP_ARCH_RISCV64"

#define SECCOMP_FLAGS \
	"SECCOMP_FILTER_FLAG_TSYNC SECCOMP_FILTER_FLAG_LOG SECCOMP_FILTER_FLAG_SPEC_ALLOW " \
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"

#define MEMORY_POLICY_MODES \
	"MPOL_DEFAULT MPOL_BIND MPOL_INTERLEAVE MPOL_WEIGHTED_INTERLEAVE MPOL_PREFERRED " \
	"MPOL_PREFERRED_MANY MPOL_LOCAL"

#define MEMORY_POLICY_FLAGS "MPOL_F_NUMA_BALANCING MPOL_F_RELATIVE_NODES MPOL_F_STATIC_NODES"

/* ---- config.json: root, mounts, process ------------------------------------------------------ */

static const struct oci_row root_rows[] = {
	STRING(struct oci_root, path, REQUIRED),
	BOOL  (struct oci_root, readonly),
};
SCHEMA(root);

static const struct oci_row id_mapping_rows[] = {
	PLAIN_U32(struct oci_id_mapping, containerID, REQUIRED),
	PLAIN_U32(struct oci_id_mapping, hostID,      REQUIRED),
	PLAIN_U32(struct oci_id_mapping, size,        REQUIRED),
};
SCHEMA(id_mapping);

static const struct oci_row mount_rows[] = {
	STRING (struct oci_mount, destination, REQUIRED),
	STRING (struct oci_mount, type),
	STRING (struct oci_mount, source),
	STRINGS(struct oci_mount, options),
	OBJECTS(struct oci_mount, uidMappings, id_mapping),
	OBJECTS(struct oci_mount, gidMappings, id_mapping),
};
PUBLIC_SCHEMA(mount);

static const struct oci_row console_size_rows[] = {
	PLAIN_U64(struct oci_console_size, height, REQUIRED),
	PLAIN_U64(struct oci_console_size, width,  REQUIRED),
};
SCHEMA(console_size);

static const struct oci_row user_rows[] = {
	/* config.md wants both; its schema, its Go bindings and all managers take absent for 0. */
	PLAIN_U32(struct oci_user, uid),
	PLAIN_U32(struct oci_user, gid),
	U32      (struct oci_user, umask),
	U32S     (struct oci_user, additionalGids),
	STRING   (struct oci_user, username),
};
SCHEMA(user);

static const struct oci_row capabilities_rows[] = {
	STRINGS(struct oci_capabilities, bounding),
	STRINGS(struct oci_capabilities, effective),
	STRINGS(struct oci_capabilities, inheritable),
	STRINGS(struct oci_capabilities, permitted),
	STRINGS(struct oci_capabilities, ambient),
};
SCHEMA(capabilities);

static const struct oci_row rlimit_rows[] = {
	STRING   (struct oci_rlimit, type, REQUIRED),
	PLAIN_U64(struct oci_rlimit, hard, REQUIRED),
	PLAIN_U64(struct oci_rlimit, soft, REQUIRED),
};
SCHEMA(rlimit);

static const struct oci_row io_priority_rows[] = {
	STRING(struct oci_io_priority, class, REQUIRED,
	       WORDS("IOPRIO_CLASS_RT IOPRIO_CLASS_BE IOPRIO_CLASS_IDLE")),
	I32   (struct oci_io_priority, priority),
};
SCHEMA(io_priority);

static const struct oci_row scheduler_rows[] = {
	STRING (struct oci_scheduler, policy, REQUIRED,
		WORDS("SCHED_OTHER SCHED_FIFO SCHED_RR SCHED_BATCH SCHED_ISO SCHED_IDLE "
		      "SCHED_DEADLINE")),
	I32    (struct oci_scheduler, nice),
	I32    (struct oci_scheduler, priority),
	STRINGS(struct oci_scheduler, flags,
		WORDS("SCHED_FLAG_RESET_ON_FORK SCHED_FLAG_RECLAIM SCHED_FLAG_DL_OVERRUN "
		      "SCHED_FLAG_KEEP_POLICY SCHED_FLAG_KEEP_PARAMS SCHED_FLAG_UTIL_CLAMP_MIN "
		      "SCHED_FLAG_UTIL_CLAMP_MAX")),
	U64    (struct oci_scheduler, runtime),
	U64    (struct oci_scheduler, deadline),
	U64    (struct oci_scheduler, period),
};
SCHEMA(scheduler);

static const struct oci_row exec_cpu_affinity_rows[] = {
	STRING(struct oci_exec_cpu_affinity, initial),
	STRING(struct oci_exec_cpu_affinity, final),
};
SCHEMA(exec_cpu_affinity);

static const struct oci_row process_rows[] = {
	BOOL   (struct oci_process, terminal),
	OBJECT (struct oci_process, consoleSize, console_size),
	OBJECT (struct oci_process, user, user),
	STRINGS(struct oci_process, args),
	STRING (struct oci_process, commandLine),
	STRINGS(struct oci_process, env),
	STRING (struct oci_process, cwd, REQUIRED),
	OBJECT (struct oci_process, capabilities, capabilities),
	OBJECTS(struct oci_process, rlimits, rlimit),
	BOOL   (struct oci_process, noNewPrivileges),
	STRING (struct oci_process, apparmorProfile),
	I32    (struct oci_process, oomScoreAdj),
	OBJECT (struct oci_process, scheduler, scheduler),
	STRING (struct oci_process, selinuxLabel),
	OBJECT (struct oci_process, ioPriority, io_priority),
	OBJECT (struct oci_process, execCPUAffinity, exec_cpu_affinity),
};
PUBLIC_SCHEMA(process);

static const struct oci_row hook_rows[] = {
	STRING (struct oci_hook, path, REQUIRED),
	STRINGS(struct oci_hook, args),
	STRINGS(struct oci_hook, env),
	I64    (struct oci_hook, timeout, POSITIVE),
};
SCHEMA(hook);

static const struct oci_row hooks_rows[] = {
	OBJECTS(struct oci_hooks, prestart,        hook),
	OBJECTS(struct oci_hooks, createRuntime,   hook),
	OBJECTS(struct oci_hooks, createContainer, hook),
	OBJECTS(struct oci_hooks, startContainer,  hook),
	OBJECTS(struct oci_hooks, poststart,       hook),
	OBJECTS(struct oci_hooks, poststop,        hook),
};
PUBLIC_SCHEMA(hooks);

/* ---- config.json: linux.resources ------------------------------------------------------------ */

static const struct oci_row device_cgroup_rows[] = {
	PLAIN_BOOL(struct oci_device_cgroup, allow, REQUIRED),
	STRING    (struct oci_device_cgroup, type),
	I64       (struct oci_device_cgroup, major),
	I64       (struct oci_device_cgroup, minor),
	STRING    (struct oci_device_cgroup, access),
};
SCHEMA(device_cgroup);

static const struct oci_row memory_rows[] = {
	I64 (struct oci_memory, limit),
	I64 (struct oci_memory, reservation),
	I64 (struct oci_memory, swap),
	I64 (struct oci_memory, kernel),
	I64 (struct oci_memory, kernelTCP),
	U64 (struct oci_memory, swappiness),
	BOOL(struct oci_memory, disableOOMKiller),
	BOOL(struct oci_memory, useHierarchy),
	BOOL(struct oci_memory, checkBeforeUpdate),
};
SCHEMA(memory);

static const struct oci_row cpu_rows[] = {
	U64   (struct oci_cpu, shares),
	I64   (struct oci_cpu, quota),
	U64   (struct oci_cpu, burst),
	U64   (struct oci_cpu, period),
	I64   (struct oci_cpu, realtimeRuntime),
	U64   (struct oci_cpu, realtimePeriod),
	STRING(struct oci_cpu, cpus),
	STRING(struct oci_cpu, mems),
	I64   (struct oci_cpu, idle),
};
SCHEMA(cpu);

static const struct oci_row pids_rows[] = {
	/* The schema requires it; the Go bindings of 1.3 leave it out when it is not set. */
	I64(struct oci_pids, limit),
};
SCHEMA(pids);

static const struct oci_row weight_device_rows[] = {
	PLAIN_I64(struct oci_weight_device, major, REQUIRED),
	PLAIN_I64(struct oci_weight_device, minor, REQUIRED),
	U16      (struct oci_weight_device, weight),
	U16      (struct oci_weight_device, leafWeight),
};
SCHEMA(weight_device);

static const struct oci_row throttle_device_rows[] = {
	PLAIN_I64(struct oci_throttle_device, major, REQUIRED),
	PLAIN_I64(struct oci_throttle_device, minor, REQUIRED),
	U64      (struct oci_throttle_device, rate),
};
SCHEMA(throttle_device);

static const struct oci_row block_io_rows[] = {
	U16    (struct oci_block_io, weight),
	U16    (struct oci_block_io, leafWeight),
	OBJECTS(struct oci_block_io, weightDevice,            weight_device),
	OBJECTS(struct oci_block_io, throttleReadBpsDevice,   throttle_device),
	OBJECTS(struct oci_block_io, throttleWriteBpsDevice,  throttle_device),
	OBJECTS(struct oci_block_io, throttleReadIOPSDevice,  throttle_device),
	OBJECTS(struct oci_block_io, throttleWriteIOPSDevice, throttle_device),
};
SCHEMA(block_io);

static const struct oci_row hugepage_limit_rows[] = {
	STRING   (struct oci_hugepage_limit, pageSize, REQUIRED),
	PLAIN_U64(struct oci_hugepage_limit, limit,    REQUIRED),
};
SCHEMA(hugepage_limit);

static const struct oci_row interface_priority_rows[] = {
	STRING   (struct oci_interface_priority, name,     REQUIRED),
	PLAIN_U32(struct oci_interface_priority, priority, REQUIRED),
};
SCHEMA(interface_priority);

static const struct oci_row network_rows[] = {
	U32    (struct oci_network, classID),
	OBJECTS(struct oci_network, priorities, interface_priority),
};
SCHEMA(network);

static const struct oci_row rdma_rows[] = {
	U32(struct oci_rdma, hcaHandles),
	U32(struct oci_rdma, hcaObjects),
};
SCHEMA(rdma);

static const struct oci_row resources_rows[] = {
	OBJECTS   (struct oci_resources, devices,        device_cgroup),
	OBJECT    (struct oci_resources, memory,         memory),
	OBJECT    (struct oci_resources, cpu,            cpu),
	OBJECT    (struct oci_resources, pids,           pids),
	OBJECT    (struct oci_resources, blockIO,        block_io),
	OBJECTS   (struct oci_resources, hugepageLimits, hugepage_limit),
	OBJECT    (struct oci_resources, network,        network),
	OBJECT_MAP(struct oci_resources, rdma,           rdma),
	STRING_MAP(struct oci_resources, unified),
};
PUBLIC_SCHEMA(resources);

/* ---- config.json: linux.seccomp -------------------------------------------------------------- */

static const struct oci_row syscall_arg_rows[] = {
	PLAIN_U32(struct oci_syscall_arg, index,    REQUIRED),
	PLAIN_U64(struct oci_syscall_arg, value,    REQUIRED),
	U64      (struct oci_syscall_arg, valueTwo),
	STRING   (struct oci_syscall_arg, op,       REQUIRED, WORDS(SECCOMP_OPERATORS)),
};
SCHEMA(syscall_arg);

static const struct oci_row syscall_rows[] = {
	STRINGS(struct oci_syscall, names,  REQUIRED),
	STRING (struct oci_syscall, action, REQUIRED, WORDS(SECCOMP_ACTIONS)),
	U32    (struct oci_syscall, errnoRet),
	OBJECTS(struct oci_syscall, args, syscall_arg),
};
SCHEMA(syscall);

static const struct oci_row seccomp_rows[] = {
	STRING (struct oci_seccomp, defaultAction, REQUIRED, WORDS(SECCOMP_ACTIONS)),
	U32    (struct oci_seccomp, defaultErrnoRet),
	STRINGS(struct oci_seccomp, architectures, WORDS(SECCOMP_ARCHS)),
	STRINGS(struct oci_seccomp, flags, WORDS(SECCOMP_FLAGS)),
	STRING (struct oci_seccomp, listenerPath),
	STRING (struct oci_seccomp, listenerMetadata),
	OBJECTS(struct oci_seccomp, syscalls, syscall),
};
PUBLIC_SCHEMA(seccomp);

/* ---- config.json: linux ---------------------------------------------------------------------- */

static const struct oci_row namespace_rows[] = {
	STRING(struct oci_namespace, type, REQUIRED, WORDS(NAMESPACES)),
	STRING(struct oci_namespace, path),
};
SCHEMA(namespace);

static const struct oci_row device_rows[] = {
	STRING(struct oci_device, type, REQUIRED),
	STRING(struct oci_device, path, REQUIRED),
	I64   (struct oci_device, major),
	I64   (struct oci_device, minor),
	U32   (struct oci_device, fileMode),
	U32   (struct oci_device, uid),
	U32   (struct oci_device, gid),
};
SCHEMA(device);

static const struct oci_row net_device_rows[] = {
	STRING(struct oci_net_device, name),
};
SCHEMA(net_device);

static const struct oci_row intel_rdt_rows[] = {
	STRING (struct oci_intel_rdt, closID),
	STRINGS(struct oci_intel_rdt, schemata),
	STRING (struct oci_intel_rdt, l3CacheSchema),
	STRING (struct oci_intel_rdt, memBwSchema),
	BOOL   (struct oci_intel_rdt, enableMonitoring),
};
SCHEMA(intel_rdt);

static const struct oci_row memory_policy_rows[] = {
	STRING (struct oci_memory_policy, mode, WORDS(MEMORY_POLICY_MODES)),
	STRING (struct oci_memory_policy, nodes),
	STRINGS(struct oci_memory_policy, flags, WORDS(MEMORY_POLICY_FLAGS)),
};
SCHEMA(memory_policy);

static const struct oci_row personality_rows[] = {
	STRING (struct oci_personality, domain, WORDS("LINUX LINUX32")),
	STRINGS(struct oci_personality, flags),
};
SCHEMA(personality);

static const struct oci_row time_offset_rows[] = {
	I64(struct oci_time_offset, secs),
	U32(struct oci_time_offset, nanosecs),
};
SCHEMA(time_offset);

static const struct oci_row time_offsets_rows[] = {
	OBJECT(struct oci_time_offsets, monotonic, time_offset),
	OBJECT(struct oci_time_offsets, boottime,  time_offset),
};
SCHEMA(time_offsets);

static const struct oci_row linux_rows[] = {
	OBJECTS   (struct oci_linux, uidMappings, id_mapping),
	OBJECTS   (struct oci_linux, gidMappings, id_mapping),
	STRING_MAP(struct oci_linux, sysctl),
	OBJECT    (struct oci_linux, resources, resources),
	STRING    (struct oci_linux, cgroupsPath),
	OBJECTS   (struct oci_linux, namespaces, namespace),
	OBJECTS   (struct oci_linux, devices, device),
	OBJECT_MAP(struct oci_linux, netDevices, net_device),
	OBJECT    (struct oci_linux, seccomp, seccomp),
	STRING    (struct oci_linux, rootfsPropagation, WORDS("private shared slave unbindable")),
	STRINGS   (struct oci_linux, maskedPaths),
	STRINGS   (struct oci_linux, readonlyPaths),
	STRING    (struct oci_linux, mountLabel),
	OBJECT    (struct oci_linux, intelRdt, intel_rdt),
	OBJECT    (struct oci_linux, memoryPolicy, memory_policy),
	OBJECT    (struct oci_linux, personality, personality),
	OBJECT    (struct oci_linux, timeOffsets, time_offsets),
};
PUBLIC_SCHEMA(linux);

static const struct oci_row config_rows[] = {
	STRING    (struct oci_config, ociVersion, REQUIRED),
	OBJECT    (struct oci_config, process, process),
	OBJECT    (struct oci_config, root, root),
	STRING    (struct oci_config, hostname),
	STRING    (struct oci_config, domainname),
	OBJECTS   (struct oci_config, mounts, mount),
	OBJECT    (struct oci_config, hooks, hooks),
	STRING_MAP(struct oci_config, annotations),
	OBJECT    (struct oci_config, linux, linux),
	FOREIGN   (freebsd),
	FOREIGN   (solaris),
	FOREIGN   (vm),
	FOREIGN   (windows),
	FOREIGN   (zos),
};
PUBLIC_SCHEMA(config);

/* ---- state ----------------------------------------------------------------------------------- */

static const struct oci_row state_rows[] = {
	STRING    (struct oci_state, ociVersion, REQUIRED),
	STRING    (struct oci_state, id,         REQUIRED),
	I32       (struct oci_state, pid),
	STRING    (struct oci_state, status,     REQUIRED, WORDS("creating created running stopped")),
	STRING    (struct oci_state, bundle,     REQUIRED),
	STRING    (struct oci_state, rootfs),
	STRING    (struct oci_state, created),
	STRING_MAP(struct oci_state, annotations),
	STRING    (struct oci_state, owner),
};
PUBLIC_SCHEMA(state);

static const struct oci_row container_process_state_rows[] = {
	STRING   (struct oci_container_process_state, ociVersion, REQUIRED),
	STRINGS  (struct oci_container_process_state, fds),
	PLAIN_I32(struct oci_container_process_state, pid,        REQUIRED),
	STRING   (struct oci_container_process_state, metadata),
	OBJECT   (struct oci_container_process_state, state, state, REQUIRED),
};
PUBLIC_SCHEMA(container_process_state);

/* ---- features -------------------------------------------------------------------------------- */

static const struct oci_row feature_rows[] = {
	BOOL(struct oci_feature, enabled),
};
SCHEMA(feature);

static const struct oci_row features_cgroup_rows[] = {
	BOOL(struct oci_features_cgroup, v1),
	BOOL(struct oci_features_cgroup, v2),
	BOOL(struct oci_features_cgroup, systemd),
	BOOL(struct oci_features_cgroup, systemdUser),
	BOOL(struct oci_features_cgroup, rdma),
};
SCHEMA(features_cgroup);

static const struct oci_row features_seccomp_rows[] = {
	BOOL   (struct oci_features_seccomp, enabled),
	STRINGS(struct oci_features_seccomp, actions,        WORDS(SECCOMP_ACTIONS)),
	STRINGS(struct oci_features_seccomp, operators,      WORDS(SECCOMP_OPERATORS)),
	STRINGS(struct oci_features_seccomp, archs,          WORDS(SECCOMP_ARCHS)),
	STRINGS(struct oci_features_seccomp, knownFlags,     WORDS(SECCOMP_FLAGS)),
	STRINGS(struct oci_features_seccomp, supportedFlags, WORDS(SECCOMP_FLAGS)),
};
SCHEMA(features_seccomp);

static const struct oci_row features_intel_rdt_rows[] = {
	BOOL(struct oci_features_intel_rdt, enabled),
	BOOL(struct oci_features_intel_rdt, schemata),
	BOOL(struct oci_features_intel_rdt, monitoring),
};
SCHEMA(features_intel_rdt);

static const struct oci_row features_memory_policy_rows[] = {
	STRINGS(struct oci_features_memory_policy, modes, WORDS(MEMORY_POLICY_MODES)),
	STRINGS(struct oci_features_memory_policy, flags, WORDS(MEMORY_POLICY_FLAGS)),
};
SCHEMA(features_memory_policy);

static const struct oci_row features_mount_extensions_rows[] = {
	OBJECT(struct oci_features_mount_extensions, idmap, feature),
};
SCHEMA(features_mount_extensions);

static const struct oci_row features_linux_rows[] = {
	STRINGS(struct oci_features_linux, namespaces, WORDS(NAMESPACES)),
	STRINGS(struct oci_features_linux, capabilities),
	OBJECT (struct oci_features_linux, cgroup, features_cgroup),
	OBJECT (struct oci_features_linux, seccomp, features_seccomp),
	OBJECT (struct oci_features_linux, apparmor, feature),
	OBJECT (struct oci_features_linux, selinux, feature),
	OBJECT (struct oci_features_linux, intelRdt, features_intel_rdt),
	OBJECT (struct oci_features_linux, memoryPolicy, features_memory_policy),
	OBJECT (struct oci_features_linux, mountExtensions, features_mount_extensions),
	OBJECT (struct oci_features_linux, netDevices, feature),
};
SCHEMA(features_linux);

static const struct oci_row features_rows[] = {
	STRING    (struct oci_features, ociVersionMin, REQUIRED),
	STRING    (struct oci_features, ociVersionMax, REQUIRED),
	STRINGS   (struct oci_features, hooks),
	STRINGS   (struct oci_features, mountOptions),
	OBJECT    (struct oci_features, linux, features_linux),
	STRING_MAP(struct oci_features, annotations),
	STRINGS   (struct oci_features, potentiallyUnsafeConfigAnnotations),
};
PUBLIC_SCHEMA(features);
/* clang-format on */

/* ---- looking things up ----------------------------------------------------------------------- */

const struct oci_row *oci_row_find(const struct oci_schema *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->n_rows; i++)
		if (s->rows[i].name_len == len && memcmp(s->rows[i].name, name, len) == 0)
			return &s->rows[i];
	for (size_t i = 0; i < s->n_rows; i++)
		if (s->rows[i].name_len == len && strncasecmp(s->rows[i].name, name, len) == 0)
			return &s->rows[i];
	return NULL;
}

const struct oci_row *oci_row_at(const struct oci_schema *s, const char *path)
{
	const struct oci_row *row = NULL;

	while (s) {
		size_t len = strcspn(path, ".");

		row = oci_row_find(s, path, len);
		if (!row || !path[len])
			return row;
		path += len + 1;
		s = row->schema;
	}
	return NULL; /* the path goes on beneath something that has no properties */
}

const char *oci_map_get(const struct oci_string_map *map, const char *key)
{
	for (size_t i = 0; map && i < map->n; i++)
		if (strcmp(map->items[i].key, key) == 0)
			return map->items[i].value;
	return NULL;
}

const struct oci_namespace *oci_namespace_get(const struct oci_linux *l, const char *type)
{
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		if (strcmp(l->namespaces[i].type, type) == 0)
			return &l->namespaces[i];
	return NULL;
}

/* ---- did you mean ---------------------------------------------------------------------------- */

#define LONGEST 64 /* longer names are never typed by hand */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/*
 * How many letters must be added, removed, replaced or swapped with their neighbour to make `b`
 * of `a`; case does not count.
 */
static unsigned edits(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][LONGEST + 1];

	if (na > LONGEST || nb > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);
			unsigned best = last[j - 1] + !same;

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[na % 3][nb];
}

/* In a name of three letters any two others are two edits away: less is allowed there. */
static unsigned tolerance(size_t len)
{
	return len <= 2 ? 0 : len <= 4 ? 1 : 2;
}

const char *oci_did_you_mean(const struct oci_schema *s, const char *name, size_t len)
{
	unsigned best = tolerance(len) + 1;
	const char *found = NULL;

	for (size_t i = 0; i < s->n_rows; i++) {
		unsigned d = edits(name, len, s->rows[i].name, s->rows[i].name_len);

		if (d < best) {
			best = d;
			found = s->rows[i].name;
		}
	}
	return found;
}

bool oci_did_you_mean_word(const char *words, const char *word, char *out, size_t size)
{
	size_t len = strlen(word), found_len = 0;
	unsigned best = tolerance(len) + 1;
	const char *found = NULL;

	for (const char *w = words; w && *w;) {
		size_t n = strcspn(w, " ");
		unsigned d = edits(word, len, w, n);

		if (d < best && n < size) {
			best = d;
			found = w;
			found_len = n;
		}
		w += n + (w[n] == ' ');
	}
	if (!found)
		return false;
	memcpy(out, found, found_len);
	out[found_len] = '\0';
	return true;
}

bool oci_word_known(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *w = words; w && *w;) {
		size_t n = strcspn(w, " ");

		if (n == len && memcmp(w, word, n) == 0)
			return true;
		w += n + (w[n] == ' ');
	}
	return false;
}
