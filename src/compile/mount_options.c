/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mount_options.h"

#include "compile.h"

#include "../base/sys.h"

#include <stdint.h>

enum effect {
	NOTHING,
	SET,       /* attribute bits on */
	CLEAR,     /* attribute bits off */
	ATIME,     /* one value of the enumeration that the kernel has for access times */
	NOT_ATIME, /* that value no more: the kernel's default (relatime), unless another was said */
	PROPAGATE,
	ON, /* a bool of struct plan_mount */
	OFF,
	WISH, /* a bool of struct mount_wishes */
	DATA, /* the file system's own, in the table because `features` lists it */
	REFUSED,
};

#define MEMBER(m) .member = offsetof(struct plan_mount, m)
#define WISHED(m) .effect = WISH, .member = offsetof(struct mount_wishes, m)
#define ALL       .tree = true

/* clang-format off */
static const struct option {
	const char *name;
	enum effect effect;
	bool tree; /* for all mounts of a tree */
	uint64_t bits;
	size_t member;
} options[] = {
	{ "defaults",      .effect = NOTHING },

	{ "ro",            SET,       .bits = MOUNT_ATTR_RDONLY },
	{ "rw",            CLEAR,     .bits = MOUNT_ATTR_RDONLY },
	{ "nosuid",        SET,       .bits = MOUNT_ATTR_NOSUID },
	{ "suid",          CLEAR,     .bits = MOUNT_ATTR_NOSUID },
	{ "nodev",         SET,       .bits = MOUNT_ATTR_NODEV },
	{ "dev",           CLEAR,     .bits = MOUNT_ATTR_NODEV },
	{ "noexec",        SET,       .bits = MOUNT_ATTR_NOEXEC },
	{ "exec",          CLEAR,     .bits = MOUNT_ATTR_NOEXEC },
	{ "nodiratime",    SET,       .bits = MOUNT_ATTR_NODIRATIME },
	{ "diratime",      CLEAR,     .bits = MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow",   SET,       .bits = MOUNT_ATTR_NOSYMFOLLOW },
	{ "symfollow",     CLEAR,     .bits = MOUNT_ATTR_NOSYMFOLLOW },
	{ "noatime",       ATIME,     .bits = MOUNT_ATTR_NOATIME },
	{ "atime",         NOT_ATIME, .bits = MOUNT_ATTR_NOATIME },
	{ "relatime",      ATIME,     .bits = MOUNT_ATTR_RELATIME },
	{ "norelatime",    NOT_ATIME, .bits = MOUNT_ATTR_RELATIME },
	{ "strictatime",   ATIME,     .bits = MOUNT_ATTR_STRICTATIME },
	{ "nostrictatime", NOT_ATIME, .bits = MOUNT_ATTR_STRICTATIME },

	{ "rro",            SET,       ALL, .bits = MOUNT_ATTR_RDONLY },
	{ "rrw",            CLEAR,     ALL, .bits = MOUNT_ATTR_RDONLY },
	{ "rnosuid",        SET,       ALL, .bits = MOUNT_ATTR_NOSUID },
	{ "rsuid",          CLEAR,     ALL, .bits = MOUNT_ATTR_NOSUID },
	{ "rnodev",         SET,       ALL, .bits = MOUNT_ATTR_NODEV },
	{ "rdev",           CLEAR,     ALL, .bits = MOUNT_ATTR_NODEV },
	{ "rnoexec",        SET,       ALL, .bits = MOUNT_ATTR_NOEXEC },
	{ "rexec",          CLEAR,     ALL, .bits = MOUNT_ATTR_NOEXEC },
	{ "rnodiratime",    SET,       ALL, .bits = MOUNT_ATTR_NODIRATIME },
	{ "rdiratime",      CLEAR,     ALL, .bits = MOUNT_ATTR_NODIRATIME },
	{ "rnosymfollow",   SET,       ALL, .bits = MOUNT_ATTR_NOSYMFOLLOW },
	{ "rsymfollow",     CLEAR,     ALL, .bits = MOUNT_ATTR_NOSYMFOLLOW },
	{ "rnoatime",       ATIME,     ALL, .bits = MOUNT_ATTR_NOATIME },
	{ "ratime",         NOT_ATIME, ALL, .bits = MOUNT_ATTR_NOATIME },
	{ "rrelatime",      ATIME,     ALL, .bits = MOUNT_ATTR_RELATIME },
	{ "rnorelatime",    NOT_ATIME, ALL, .bits = MOUNT_ATTR_RELATIME },
	{ "rstrictatime",   ATIME,     ALL, .bits = MOUNT_ATTR_STRICTATIME },
	{ "rnostrictatime", NOT_ATIME, ALL, .bits = MOUNT_ATTR_STRICTATIME },

	{ "private",     PROPAGATE, .bits = MS_PRIVATE },
	{ "rprivate",    PROPAGATE, .bits = MS_PRIVATE | MS_REC },
	{ "shared",      PROPAGATE, .bits = MS_SHARED },
	{ "rshared",     PROPAGATE, .bits = MS_SHARED | MS_REC },
	{ "slave",       PROPAGATE, .bits = MS_SLAVE },
	{ "rslave",      PROPAGATE, .bits = MS_SLAVE | MS_REC },
	{ "unbindable",  PROPAGATE, .bits = MS_UNBINDABLE },
	{ "runbindable", PROPAGATE, .bits = MS_UNBINDABLE | MS_REC },

	{ "sync",       ON,  MEMBER(sync) },
	{ "async",      OFF, MEMBER(sync) },
	{ "dirsync",    ON,  MEMBER(dirsync) },
	{ "lazytime",   ON,  MEMBER(lazytime) },
	{ "nolazytime", OFF, MEMBER(lazytime) },
	{ "mand",       ON,  MEMBER(mand) },
	{ "nomand",     OFF, MEMBER(mand) },
	{ "silent",     ON,  MEMBER(silent) },
	{ "loud",       OFF, MEMBER(silent) },

	{ "bind",         WISHED(bind) },
	{ "rbind",        WISHED(rbind) },
	{ "remount",      WISHED(remount) },
	{ "idmap",        ON, MEMBER(idmap) },
	{ "ridmap",       ON, MEMBER(idmap_recursive) },
	{ "tmpcopyup",    ON, MEMBER(copy_up) },
	{ "copy-symlink", ON, MEMBER(copy_symlink) },
	{ "src-nofollow", WISHED(source_nofollow) },
	{ "dest-nofollow", WISHED(destination_nofollow) },

	{ "iversion",   .effect = DATA },
	{ "noiversion", WISHED(no_iversion) },
	{ "acl",        .effect = DATA },
	{ "noacl",      .effect = DATA },

	/* mount_setattr(2) has no such attributes; crun lists them and does nothing. */
	{ "rsync",    .effect = REFUSED },
	{ "rasync",   .effect = REFUSED },
	{ "rdirsync", .effect = REFUSED },
	{ "rmand",    .effect = REFUSED },
	{ "rnomand",  .effect = REFUSED },
};
/* clang-format on */

static const struct option *find(const char *word)
{
	for (size_t i = 0; i < array_len(options); i++)
		if (streq(word, options[i].name))
			return &options[i];
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *compile_mount_option_words(void)
{
	static const char *words[array_len(options) + 1];
	size_t n = 0;

	for (size_t i = 0; i < array_len(options); i++)
		if (options[i].effect != REFUSED)
			words[n++] = options[i].name;
	qsort(words, n, sizeof(words[0]), by_name);
	words[n] = NULL;
	return words;
}

static void attribute(const struct option *o, uint64_t *set, uint64_t *clear)
{
	switch (o->effect) {
	case SET:
		*set |= o->bits;
		*clear &= ~o->bits;
		break;
	case CLEAR:
		*set &= ~o->bits;
		*clear |= o->bits;
		break;
	case NOT_ATIME:
		/* "noatime,nostrictatime" has said noatime. */
		if ((*clear & MOUNT_ATTR__ATIME) && (*set & MOUNT_ATTR__ATIME) != o->bits)
			break;
		*set &= ~(uint64_t)MOUNT_ATTR__ATIME;
		*clear |= MOUNT_ATTR__ATIME;
		break;
	default: /* ATIME: the kernel wants the whole enumeration cleared before a value is set */
		*set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | o->bits;
		*clear |= MOUNT_ATTR__ATIME;
	}
}

/* In the order of the words: "slave" and then "shared" is a peer group of its own below a master. */
static bool propagate(struct plan_mount *m, uint32_t flags)
{
	for (size_t i = 0; i < array_len(m->propagation); i++) {
		if (m->propagation[i] == 0)
			m->propagation[i] = flags;
		if (m->propagation[i] == flags)
			return true;
	}
	return false;
}

static void apply(const struct option *o, struct plan_mount *m, struct mount_wishes *wishes)
{
	switch (o->effect) {
	case SET:
	case CLEAR:
	case ATIME:
	case NOT_ATIME:
		if (!o->tree) {
			attribute(o, &m->attr_set, &m->attr_clear);
			break;
		}
		attribute(o, &m->tree_set, &m->tree_clear);
		/* The top of the tree is part of it, whatever a word before this one said of it. */
		uint64_t bits = o->effect == SET || o->effect == CLEAR ? o->bits
								       : MOUNT_ATTR__ATIME;
		m->attr_set &= ~bits;
		m->attr_clear &= ~bits;
		break;
	case ON:
	case OFF:
		*(bool *)((char *)m + o->member) = o->effect == ON;
		break;
	case WISH:
		*(bool *)((char *)wishes + o->member) = true;
		break;
	default:
		break;
	}
}

/* "idmap=uids=...;gids=..." of Podman's --volume. */
static const char *inline_map(const char *word)
{
	const char *text = after(word, "idmap=");

	return text ? text : after(word, "ridmap=");
}

/* An option of the file system: at the first '=' the value begins. */
static int own_option(struct arena *a, const char *word, struct plan_option *out)
{
	const char *equals = strchr(word, '=');

	out->key = equals ? arena_strndup(a, word, (size_t)(equals - word)) : arena_strdup(a, word);
	out->value = equals ? arena_strdup(a, equals + 1) : NULL;
	return out->key && (!equals || out->value) ? 0 : -ENOMEM;
}

int mount_options(struct arena *a, const char *const *words, size_t n, struct plan_mount *m,
		  struct mount_wishes *wishes, struct error *e)
{
	struct plan_option *own = arena_new_array(a, struct plan_option, n);

	*wishes = (struct mount_wishes){ 0 };
	if (!own && n > 0)
		return fail(e, ENOMEM, "options");
	m->options = own;
	for (size_t i = 0; i < n; i++) {
		const struct option *o = find(words[i]);
		const char *map = inline_map(words[i]);

		if (!*words[i])
			continue;
		if (o && o->effect == REFUSED) {
			fail(e, 0, "options[%zu]: the kernel has no way to do '%s'", i, words[i]);
			return hint(e, "'%s' is for one mount", words[i] + 1);
		}
		if (o && o->effect == PROPAGATE) {
			if (!propagate(m, (uint32_t)o->bits))
				return fail(e, 0,
					    "options[%zu]: '%s' is one propagation mode too many",
					    i, words[i]);
		} else if (map) {
			m->idmap = true;
			m->idmap_recursive |= words[i][0] == 'r';
			m->idmap_text = arena_strdup(a, map);
			if (!m->idmap_text)
				return fail(e, ENOMEM, "options[%zu]", i);
		} else if (o && o->effect != DATA) {
			apply(o, m, wishes);
		} else {
			if (*words[i] == '=')
				return fail(e, 0, "options[%zu]: '%s' has no name before the '='",
					    i, words[i]);
			if (own_option(a, words[i], &own[m->n_options++]) < 0)
				return fail(e, ENOMEM, "options[%zu]", i);
		}
	}
	if (wishes->no_iversion) /* it is off unless asked for */
		mount_option_drop(m, "iversion");
	m->idmap |= m->idmap_recursive;
	m->follow_source = !wishes->source_nofollow;
	m->follow_destination = !wishes->destination_nofollow;
	return 0;
}

const char *mount_option_value(const struct plan_mount *m, const char *key)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (streq(m->options[i].key, key))
			return m->options[i].value ? m->options[i].value : "";
	return NULL;
}

void mount_option_drop(struct plan_mount *m, const char *key)
{
	struct plan_option *own = (struct plan_option *)m->options; /* ours: see mount_options() */
	size_t n = 0;

	for (size_t i = 0; i < m->n_options; i++)
		if (!streq(own[i].key, key))
			own[n++] = own[i];
	m->n_options = n;
}

int mount_option_data(struct arena *a, struct plan_mount *m, struct error *e)
{
	const size_t fsconfig_max = 255, mount_max = 4095;
	const char *data = "";
	bool fits = true;

	for (size_t i = 0; i < m->n_options; i++)
		if (strlen(m->options[i].key) > fsconfig_max ||
		    (m->options[i].value && strlen(m->options[i].value) > fsconfig_max))
			fits = false;
	if (fits)
		return 0;
	for (size_t i = 0; i < m->n_options && data; i++) {
		const struct plan_option *o = &m->options[i];
		/* An SELinux context may have commas; the kernel knows these in quotes only. */
		const char *quote =
			o->value && strchr(o->value, ',') && strstr(o->key, "context") ? "\"" : "";

		data = arena_printf(a, "%s%s%s%s%s%s%s", data, *data ? "," : "", o->key,
				    o->value ? "=" : "", quote, o->value ? o->value : "", quote);
	}
	if (!data)
		return fail(e, ENOMEM, "options");
	if (strlen(data) > mount_max)
		return fail(e, 0, "options: %zu bytes, the kernel takes at most %zu", strlen(data),
			    mount_max);
	m->data = data;
	return 0;
}
