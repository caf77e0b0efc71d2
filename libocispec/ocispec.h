/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ocispec -- the OCI runtime specification 1.3 in C: its structs, and JSON to and from them.
 *
 * Every property of the specification that concerns Linux is one struct member here and one row in
 * schema.c. The rows read (read.c), write (write.c) and can be walked. Structs and members have the
 * names of the specification, letter by letter, so that grep finds both. Needs libc and yajl.
 *
 * How JSON looks in C, and how absent is told from zero and from empty:
 *
 *	string            const char *, NULL when absent
 *	number, bool      struct opt_*, .set false (and .v zero) when absent;
 *	                  plain where the specification requires it (or where Go's bindings make
 *	                  no difference between absent and zero: user.uid)
 *	object            pointer to struct, NULL when absent
 *	array             pointer and n_NAME; absent is NULL, empty is not NULL and n_NAME 0;
 *	                  an array of strings has a NULL after its last element
 *	object as a map   of strings: struct oci_string_map *, NULL when absent;
 *	                  of objects: like an array, each element begins with its key
 *
 * JSON null is the same as absent. All memory is from the arena that was given to the reader.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

#undef linux /* a macro of gnu17, and a property of the specification */

#define OCI_VERSION     "1.3.0"
#define OCI_VERSION_MIN "1.0.0"

/* clang-format off */
struct opt_bool { bool set, v; };
struct opt_u16 { bool set; uint16_t v; };
struct opt_u32 { bool set; uint32_t v; };
struct opt_u64 { bool set; uint64_t v; };
struct opt_i32 { bool set; int32_t v; };
struct opt_i64 { bool set; int64_t v; };
/* clang-format on */

struct oci_pair {
	const char *key, *value;
};

struct oci_string_map {
	struct oci_pair *items; /* in the order of the text */
	size_t n;
};

/* The value of `key`, or NULL. Fine with a map that is absent. */
const char *oci_map_get(const struct oci_string_map *map, const char *key);

struct oci_linux;
struct oci_namespace;

/* The namespace of this type in linux.namespaces, or NULL. Fine with a `linux` that is absent. */
const struct oci_namespace *oci_namespace_get(const struct oci_linux *l, const char *type);

/* ---- config.json: root, mounts, process ------------------------------------------------------ */

struct oci_root {
	const char *path;
	struct opt_bool readonly;
};

struct oci_id_mapping {
	uint32_t containerID, hostID, size;
};

struct oci_mount {
	const char *destination;
	const char *source;
	const char *type;
	const char **options;
	size_t n_options;
	struct oci_id_mapping *uidMappings;
	size_t n_uidMappings;
	struct oci_id_mapping *gidMappings;
	size_t n_gidMappings;
};

struct oci_console_size {
	uint64_t height, width;
};

struct oci_user {
	uint32_t uid, gid;
	struct opt_u32 umask;
	uint32_t *additionalGids;
	size_t n_additionalGids;
	const char *username;
};

struct oci_capabilities {
	const char **bounding;
	size_t n_bounding;
	const char **permitted;
	size_t n_permitted;
	const char **effective;
	size_t n_effective;
	const char **inheritable;
	size_t n_inheritable;
	const char **ambient;
	size_t n_ambient;
};

struct oci_rlimit {
	const char *type;
	uint64_t soft, hard;
};

struct oci_io_priority {
	const char *class;
	struct opt_i32 priority;
};

struct oci_scheduler {
	const char *policy;
	struct opt_i32 nice;
	struct opt_i32 priority;
	const char **flags;
	size_t n_flags;
	struct opt_u64 runtime;
	struct opt_u64 deadline;
	struct opt_u64 period;
};

struct oci_exec_cpu_affinity {
	const char *initial;
	const char *final;
};

struct oci_process {
	struct opt_bool terminal;
	struct oci_console_size *consoleSize;
	struct oci_user *user;
	const char **args;
	size_t n_args;
	const char *commandLine; /* Windows; read because it is part of `process` */
	const char **env;
	size_t n_env;
	const char *cwd;
	struct oci_capabilities *capabilities;
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	struct opt_bool noNewPrivileges;
	const char *apparmorProfile;
	struct opt_i32 oomScoreAdj;
	struct oci_scheduler *scheduler;
	const char *selinuxLabel;
	struct oci_io_priority *ioPriority;
	struct oci_exec_cpu_affinity *execCPUAffinity;
};

struct oci_hook {
	const char *path;
	const char **args;
	size_t n_args;
	const char **env;
	size_t n_env;
	struct opt_i64 timeout; /* seconds, at least 1 */
};

struct oci_hooks {
	struct oci_hook *prestart;
	size_t n_prestart;
	struct oci_hook *createRuntime;
	size_t n_createRuntime;
	struct oci_hook *createContainer;
	size_t n_createContainer;
	struct oci_hook *startContainer;
	size_t n_startContainer;
	struct oci_hook *poststart;
	size_t n_poststart;
	struct oci_hook *poststop;
	size_t n_poststop;
};

/* ---- config.json: linux.resources ------------------------------------------------------------ */

struct oci_device_cgroup {
	bool allow;
	const char *type;            /* absent: all */
	struct opt_i64 major, minor; /* absent: all */
	const char *access;
};

struct oci_memory {
	struct opt_i64 limit;
	struct opt_i64 reservation;
	struct opt_i64 swap;
	struct opt_i64 kernel;
	struct opt_i64 kernelTCP;
	struct opt_u64 swappiness;
	struct opt_bool disableOOMKiller;
	struct opt_bool useHierarchy;
	struct opt_bool checkBeforeUpdate;
};

struct oci_cpu {
	struct opt_u64 shares;
	struct opt_i64 quota;
	struct opt_u64 burst;
	struct opt_u64 period;
	struct opt_i64 realtimeRuntime;
	struct opt_u64 realtimePeriod;
	const char *cpus;
	const char *mems;
	struct opt_i64 idle;
};

struct oci_pids {
	struct opt_i64 limit;
};

struct oci_weight_device {
	int64_t major, minor;
	struct opt_u16 weight;
	struct opt_u16 leafWeight;
};

struct oci_throttle_device {
	int64_t major, minor;
	struct opt_u64 rate;
};

struct oci_block_io {
	struct opt_u16 weight;
	struct opt_u16 leafWeight;
	struct oci_weight_device *weightDevice;
	size_t n_weightDevice;
	struct oci_throttle_device *throttleReadBpsDevice;
	size_t n_throttleReadBpsDevice;
	struct oci_throttle_device *throttleWriteBpsDevice;
	size_t n_throttleWriteBpsDevice;
	struct oci_throttle_device *throttleReadIOPSDevice;
	size_t n_throttleReadIOPSDevice;
	struct oci_throttle_device *throttleWriteIOPSDevice;
	size_t n_throttleWriteIOPSDevice;
};

struct oci_hugepage_limit {
	const char *pageSize;
	uint64_t limit;
};

struct oci_interface_priority {
	const char *name;
	uint32_t priority;
};

struct oci_network {
	struct opt_u32 classID;
	struct oci_interface_priority *priorities;
	size_t n_priorities;
};

struct oci_rdma {
	const char *key; /* the device */
	struct opt_u32 hcaHandles;
	struct opt_u32 hcaObjects;
};

struct oci_resources {
	struct oci_device_cgroup *devices;
	size_t n_devices;
	struct oci_memory *memory;
	struct oci_cpu *cpu;
	struct oci_pids *pids;
	struct oci_block_io *blockIO;
	struct oci_hugepage_limit *hugepageLimits;
	size_t n_hugepageLimits;
	struct oci_network *network;
	struct oci_rdma *rdma;
	size_t n_rdma;
	struct oci_string_map *unified;
};

/* ---- config.json: linux.seccomp -------------------------------------------------------------- */

struct oci_syscall_arg {
	uint32_t index;
	uint64_t value;
	struct opt_u64 valueTwo;
	const char *op;
};

struct oci_syscall {
	const char **names;
	size_t n_names;
	const char *action;
	struct opt_u32 errnoRet;
	struct oci_syscall_arg *args;
	size_t n_args;
};

struct oci_seccomp {
	const char *defaultAction;
	struct opt_u32 defaultErrnoRet;
	const char **architectures;
	size_t n_architectures;
	const char **flags;
	size_t n_flags;
	const char *listenerPath;
	const char *listenerMetadata;
	struct oci_syscall *syscalls;
	size_t n_syscalls;
};

/* ---- config.json: linux ---------------------------------------------------------------------- */

struct oci_namespace {
	const char *type;
	const char *path;
};

struct oci_device {
	const char *type;
	const char *path;
	struct opt_i64 major, minor; /* required unless type is "p" */
	struct opt_u32 fileMode;
	struct opt_u32 uid, gid;
};

struct oci_net_device {
	const char *key;  /* the name on the host */
	const char *name; /* the name in the container, when another */
};

struct oci_intel_rdt {
	const char *closID;
	const char **schemata;
	size_t n_schemata;
	const char *l3CacheSchema;
	const char *memBwSchema;
	struct opt_bool enableMonitoring;
};

struct oci_memory_policy {
	const char *mode;
	const char *nodes;
	const char **flags;
	size_t n_flags;
};

struct oci_personality {
	const char *domain;
	const char **flags;
	size_t n_flags;
};

struct oci_time_offset {
	struct opt_i64 secs;
	struct opt_u32 nanosecs;
};

struct oci_time_offsets {
	struct oci_time_offset *monotonic;
	struct oci_time_offset *boottime;
};

struct oci_linux {
	struct oci_namespace *namespaces;
	size_t n_namespaces;
	struct oci_id_mapping *uidMappings;
	size_t n_uidMappings;
	struct oci_id_mapping *gidMappings;
	size_t n_gidMappings;
	struct oci_time_offsets *timeOffsets;
	struct oci_device *devices;
	size_t n_devices;
	struct oci_net_device *netDevices;
	size_t n_netDevices;
	const char *cgroupsPath;
	struct oci_resources *resources;
	const char *rootfsPropagation;
	const char **maskedPaths;
	size_t n_maskedPaths;
	const char **readonlyPaths;
	size_t n_readonlyPaths;
	const char *mountLabel;
	struct oci_intel_rdt *intelRdt;
	struct oci_memory_policy *memoryPolicy;
	struct oci_personality *personality;
	struct oci_string_map *sysctl;
	struct oci_seccomp *seccomp;
};

struct oci_config {
	const char *ociVersion;
	struct oci_root *root;
	struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_process *process;
	const char *hostname;
	const char *domainname;
	struct oci_hooks *hooks;
	struct oci_linux *linux;
	struct oci_string_map *annotations;
};

/* ---- state ----------------------------------------------------------------------------------- */

/* What `state` and `list` print and hooks read; rows are in the order in which it is printed. */
struct oci_state {
	const char *ociVersion;
	const char *id;
	struct opt_i32 pid;
	const char *status;
	const char *bundle;
	const char *rootfs; /* from here, but for annotations: custom, not in the specification */
	const char *created;
	struct oci_string_map *annotations;
	const char *owner;
};

/* What goes to the seccomp agent together with the listener's descriptor. */
struct oci_container_process_state {
	const char *ociVersion;
	const char **fds;
	size_t n_fds;
	int32_t pid;
	const char *metadata;
	struct oci_state *state;
};

/* ---- features -------------------------------------------------------------------------------- */

struct oci_feature { /* for everything that is only enabled or not */
	struct opt_bool enabled;
};

struct oci_features_cgroup {
	struct opt_bool v1, v2, systemd, systemdUser, rdma;
};

struct oci_features_seccomp {
	struct opt_bool enabled;
	const char **actions;
	size_t n_actions;
	const char **operators;
	size_t n_operators;
	const char **archs;
	size_t n_archs;
	const char **knownFlags;
	size_t n_knownFlags;
	const char **supportedFlags;
	size_t n_supportedFlags;
};

struct oci_features_intel_rdt {
	struct opt_bool enabled, schemata, monitoring;
};

struct oci_features_memory_policy {
	const char **modes;
	size_t n_modes;
	const char **flags;
	size_t n_flags;
};

struct oci_features_mount_extensions {
	struct oci_feature *idmap;
};

struct oci_features_linux {
	const char **namespaces;
	size_t n_namespaces;
	const char **capabilities;
	size_t n_capabilities;
	struct oci_features_cgroup *cgroup;
	struct oci_features_seccomp *seccomp;
	struct oci_feature *apparmor;
	struct oci_feature *selinux;
	struct oci_features_intel_rdt *intelRdt;
	struct oci_features_memory_policy *memoryPolicy;
	struct oci_features_mount_extensions *mountExtensions;
	struct oci_feature *netDevices;
};

struct oci_features {
	const char *ociVersionMin;
	const char *ociVersionMax;
	const char **hooks;
	size_t n_hooks;
	const char **mountOptions;
	size_t n_mountOptions;
	struct oci_features_linux *linux;
	struct oci_string_map *annotations;
	const char **potentiallyUnsafeConfigAnnotations;
	size_t n_potentiallyUnsafeConfigAnnotations;
};

/* ---- the rows -------------------------------------------------------------------------------- */

enum oci_kind {
	OCI_STRING,
	OCI_BOOL,
	OCI_I32,
	OCI_I64,
	OCI_U16,
	OCI_U32,
	OCI_U64,
	OCI_STRINGS,    /* array of strings */
	OCI_U32S,       /* array of 32 bit numbers */
	OCI_OBJECT,     /* pointer to the struct of row->schema */
	OCI_OBJECTS,    /* array of such structs */
	OCI_STRING_MAP, /* struct oci_string_map * */
	OCI_OBJECT_MAP, /* array of structs that begin with `const char *key` */
	OCI_FOREIGN,    /* of another platform: any value, known but not kept; no member */
};

struct oci_schema;

struct oci_row {
	const char *name;
	uint8_t name_len;
	uint8_t kind; /* enum oci_kind */
	bool opt;     /* numbers and bools: the member is a struct opt_* */
	bool required;
	bool at_least_one; /* numbers: 0 and below are refused */
	uint16_t offset;   /* of the member */
	uint16_t n_offset; /* of n_NAME, for the kinds that have one */
	const struct oci_schema *schema;
	/*
	 * The words that the specification lists for a string (or for the strings of an array),
	 * separated by spaces, or NULL. Data for those who need the list; the reader does not check.
	 */
	const char *words;
};

struct oci_schema {
	const char *name; /* the struct without "oci_" */
	const struct oci_row *rows;
	uint16_t n_rows;
	uint16_t size;
};

extern const struct oci_schema oci_config_schema, oci_process_schema, oci_resources_schema,
	oci_mount_schema, oci_linux_schema, oci_seccomp_schema, oci_hooks_schema, oci_state_schema,
	oci_container_process_state_schema, oci_features_schema;

/* The row for a property: exact name first, then without regard to case, as Go's decoder does. */
const struct oci_row *oci_row_find(const struct oci_schema *s, const char *name, size_t len);

/* The row by its dotted path, as in "linux.resources.memory.limit"; NULL when there is none. */
const struct oci_row *oci_row_at(const struct oci_schema *s, const char *path);

/* The name in `s` that `name` may have been meant to be (at most two letters off), or NULL. */
const char *oci_did_you_mean(const struct oci_schema *s, const char *name, size_t len);

/* The word in the space separated list that was probably meant, copied to `out`; false: none. */
bool oci_did_you_mean_word(const char *words, const char *word, char *out, size_t size);

/* Whether `word` is one of row->words. */
bool oci_word_known(const char *words, const char *word);

/* ---- reading --------------------------------------------------------------------------------- */

struct ocispec_error {
	char path[256];        /* "mounts[3].options[0]", empty for the document itself */
	unsigned line, column; /* from 1; 0 when the place is not one in the text */
	char text[512];
};

/* Told of each property the schema does not have. `similar` is the name that may have been meant. */
struct ocispec_sink {
	void (*unknown)(void *arg, const char *path, unsigned line, unsigned column,
			const char *similar);
	void *arg;
};

/*
 * Read one JSON text into the struct `out` that `s` describes, which must be zeroed. `text` need
 * not end in NUL and is not kept. Returns 0, -EINVAL with `e` filled in when the text is wrong, or
 * -ENOMEM, with words too. Unknown properties are ignored; `sink` (may be NULL) hears of them.
 */
int ocispec_read(struct arena *a, const struct oci_schema *s, const char *text, size_t len,
		 void *out, struct ocispec_error *e);
int ocispec_read_noting(struct arena *a, const struct oci_schema *s, const char *text, size_t len,
			const struct ocispec_sink *sink, void *out, struct ocispec_error *e);

/* The same with the struct in the arena; NULL, with `e` filled in, on error. */
struct oci_config *oci_config_read(struct arena *a, const char *text, size_t len,
				   struct ocispec_error *e);
struct oci_config *oci_config_read_noting(struct arena *a, const char *text, size_t len,
					  const struct ocispec_sink *sink, struct ocispec_error *e);
struct oci_process *oci_process_read(struct arena *a, const char *text, size_t len,
				     struct ocispec_error *e);
struct oci_resources *oci_resources_read(struct arena *a, const char *text, size_t len,
					 struct ocispec_error *e);
struct oci_state *oci_state_read(struct arena *a, const char *text, size_t len,
				 struct ocispec_error *e);
struct oci_features *oci_features_read(struct arena *a, const char *text, size_t len,
				       struct ocispec_error *e);

/* A JSON array of mounts: NULL on error, else not NULL, also when it is empty. */
struct oci_mount *oci_mounts_read(struct arena *a, const char *text, size_t len, size_t *n,
				  struct ocispec_error *e);

/* ---- writing --------------------------------------------------------------------------------- */

/*
 * A JSON text as it grows. All zero is a fine start: compact, in memory of its own. Commas, quotes,
 * line breaks and escapes are its business; the caller says only what comes next. Failures (no
 * memory, or no room in a fixed buffer) are sticky and reported by json_end().
 *
 *	struct json_out j = { .pretty = true };
 *
 *	json_object(&j);
 *	json_key(&j, "pid");
 *	json_int(&j, pid);
 *	json_close(&j);
 *	r = json_end(&j);              // 0 or -errno
 *	... j.text, j.len: NUL after it, no newline unless asked for ...
 *	json_free(&j);
 */
struct json_out {
	char *text;
	size_t len, room;
	bool fixed;  /* `text` is the caller's, of `room` bytes, and must not grow */
	bool pretty; /* two spaces per level; otherwise everything on one line */
	int error;   /* sticky -errno */
	/* How far the text has come: */
	unsigned depth;
	uint64_t is_array; /* a bit per level */
	bool some;         /* the open object or array has a member already */
	bool after_key;
};

void json_object(struct json_out *j);
void json_array(struct json_out *j);
void json_close(struct json_out *j); /* the innermost object or array */
void json_key(struct json_out *j, const char *key);
void json_string(struct json_out *j, const char *s); /* NULL is written as null */
void json_string_n(struct json_out *j, const char *s, size_t len);
void json_int(struct json_out *j, int64_t v);
void json_uint(struct json_out *j, uint64_t v);
void json_double(struct json_out *j,
		 double v); /* shortest that reads back the same; null for NaN */
void json_bool(struct json_out *j, bool v);
void json_null(struct json_out *j);
void json_raw(struct json_out *j, const char *json); /* one value that is JSON already */

/* Key and value in one call. */
void json_key_object(struct json_out *j, const char *key);
void json_key_array(struct json_out *j, const char *key);
void json_key_string(struct json_out *j, const char *key, const char *s);
void json_key_int(struct json_out *j, const char *key, int64_t v);
void json_key_uint(struct json_out *j, const char *key, uint64_t v);
void json_key_bool(struct json_out *j, const char *key, bool v);

/* A struct as its schema says, where a value may stand. Absent members are left out. */
void json_struct(struct json_out *j, const struct oci_schema *s, const void *value);

/* The members only, into an object that is open: for those who add some of their own. */
void json_struct_members(struct json_out *j, const struct oci_schema *s, const void *value);

int json_end(struct json_out *j);
void json_free(struct json_out *j);

/* The whole struct as one text in malloc()ed memory, or NULL. Pretty texts end in a newline. */
char *ocispec_write(const struct oci_schema *s, const void *value, bool pretty, size_t *len);
