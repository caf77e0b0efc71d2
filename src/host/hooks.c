/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hooks.h"

#include "base/file.h"
#include "base/log.h"
#include "base/util.h"
#include "program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* A command works on one container, and its annotations do not change meanwhile. */
static struct {
	const char *out, *err;
} files;

void hooks_output(const char *stdout_file, const char *stderr_file)
{
	files.out = stdout_file;
	files.err = stderr_file;
}

/*
 * The state as a file to read from: unlike a pipe it holds any amount, and a hook that does not
 * read it costs neither a wait nor a SIGPIPE. Sealed, since the hook could write to it, and one
 * for each hook, since the offset is shared with what a hook leaves behind.
 */
static int state_file(const char *state, size_t len, int *out)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	auto_close int fd = memfd_create("state", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("state", flags);
	if (fd < 0)
		return -errno;
	int r = write_all(fd, state, len);

	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*out = fd_take(&fd);
	return 0;
}

static int open_output(const char *file, const char *annotation, int *out, struct error *e)
{
	*out = -1;
	if (!file)
		return 0;
	*out = open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0600);
	if (*out < 0)
		return fail(e, errno, "annotations[\"%s\"]: cannot open '%s'", annotation, file);
	return 0;
}

/* execve(2) has the same answer for several causes. */
static int explain(const struct oci_hook *h, int err, struct error *e)
{
	struct stat st;

	fail(e, err, "%s", h->path);
	hint_if(e, ENOEXEC, "a script needs a first line that says #!/path/of/interpreter");
	if (stat(h->path, &st) < 0)
		return -e->code;
	hint_if(e, ENOENT,
		"the file is there, but the interpreter of its first line, or its loader, is not");
	if (!S_ISREG(st.st_mode))
		return hint_if(e, EACCES, "it is not a regular file");
	if (!(st.st_mode & 0111))
		return hint_if(e, EACCES, "it is not executable (mode %04o)", st.st_mode & 07777);
	return -e->code;
}

static int run_hook(const struct oci_hook *h, bool interruptible, int bundle, const char *state,
		    size_t state_len, struct error *e)
{
	auto_close int in = -1, out = -1, err = -1;
	const char *alone[] = { h->path, NULL };
	int64_t timeout = -1;
	struct program_result r;
	char words[900];
	int result = state_file(state, state_len, &in);

	if (result < 0)
		return fail(e, result, "cannot make the state for its standard input");
	if (open_output(files.out, "run.oci.hooks.stdout", &out, e) < 0 ||
	    open_output(files.err, "run.oci.hooks.stderr", &err, e) < 0)
		return e->code ? -e->code : -EINVAL;
	if (h->timeout.set)
		timeout = MIN(h->timeout.v, INT64_MAX / 1000) * 1000;

	struct program p = { .path = h->path,
			     .args = h->n_args ? h->args : alone,
			     .env = h->env,
			     .dir = bundle,
			     .in = in,
			     .out = out,
			     .err = err,
			     .timeout = timeout,
			     .interruptible = interruptible };

	result = program_run(&p, &r);
	if (result < 0)
		return explain(h, result, e);
	if (r.interrupted || r.timed_out || r.signal || r.code) {
		fail(e, 0, "%s: %s", h->path, program_words(&r, words, sizeof(words)));
		if (files.err)
			hint(e, "what it wrote is in %s", files.err);
		return -EINVAL;
	}
	if (log_enabled(LOG_DEBUG))
		log_debug("hook %s: %s", h->path, program_words(&r, words, sizeof(words)));
	return 0;
}

int hooks_run(const struct oci_hook *hooks, size_t n, const char *kind, int bundle,
	      const char *state, size_t state_len, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (run_hook(&hooks[i], true, bundle, state, state_len, e) < 0)
			return during(e, "error running %s hook #%zu", kind, i);
	return 0;
}

/* They clean up: whoever has had enough of the container is helped by waiting for them. */
void hooks_run_all(const struct oci_hook *hooks, size_t n, const char *kind, int bundle,
		   const char *state, size_t state_len)
{
	struct error e = { 0 };

	for (size_t i = 0; i < n; i++)
		if (run_hook(&hooks[i], false, bundle, state, state_len, &e) < 0)
			log_warning("error running %s hook #%zu: %s", kind, i, e.text);
}
