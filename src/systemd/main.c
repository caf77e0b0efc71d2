/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ocirt-systemd -- one request to systemd, over D-Bus.
 *
 *	ocirt-systemd system|user start UNIT [NAME=VALUE]...  prints the unit's cgroup
 *	                          set   UNIT [NAME=VALUE]...
 *	                          stop  UNIT                  and forgets that it failed
 *
 * A program of its own, carried inside ocirt and run from a memfd, so that only who asks for the
 * systemd driver loads libsystemd. Values are written as in value.h. It waits until systemd has done
 * what it was asked for. Standard output gets the result, or, with exit status 1, a line that says
 * what went wrong and maybe one on what to do.
 */
#include "value.h"

#include "base/util.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define PATIENCE    30 /* seconds for all of it */
#define DESTINATION "org.freedesktop.systemd1"
#define OBJECT      "/org/freedesktop/systemd1"
#define MANAGER     "org.freedesktop.systemd1.Manager"
#define ERROR       "org.freedesktop.systemd1."

struct request {
	sd_bus *bus;
	bool user;
	const char *unit;
	char *const *properties; /* NAME=VALUE, NULL-terminated */
	uint64_t deadline;
	char *job;    /* whose end is awaited */
	char *result; /* how it ended */
};

/* ---- words ----------------------------------------------------------------------------------- */

static int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return -1;
}

static int refused(const struct request *q, const char *what, const sd_bus_error *e, int err)
{
	if (err == -ETIMEDOUT || sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY) ||
	    sd_bus_error_has_name(e, SD_BUS_ERROR_TIMEOUT)) {
		complain("%s %s: systemd does not answer within %d seconds", what, q->unit,
			 PATIENCE);
		return complain("systemctl %sis-system-running and list-jobs say what it is at",
				q->user ? "--user " : "");
	}
	complain("%s %s: systemd refuses: %s", what, q->unit,
		 sd_bus_error_is_set(e) ? e->message : strerror(-err));
	if (sd_bus_error_has_name(e, ERROR "UnitExists"))
		return complain("another container or service has that unit: change the name in "
				"linux.cgroupsPath, or 'systemctl %sstop %s'",
				q->user ? "--user " : "", q->unit);
	if (sd_bus_error_has_name(e, SD_BUS_ERROR_UNIX_PROCESS_ID_UNKNOWN))
		return complain("the process has ended, or systemd has no right to move it");
	return -1;
}

/* ---- the bus --------------------------------------------------------------------------------- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t left(const struct request *q)
{
	uint64_t t = now();

	return t < q->deadline ? q->deadline - t : 1;
}

/* systemd itself listens, too, where nobody runs a bus (an early or minimal system). */
static int open_private(struct request *q)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char address[512];

	if (q->user)
		snprintf(address, sizeof(address), "unix:path=%s/systemd/private",
			 runtime ? runtime : "/nonexistent");
	else
		snprintf(address, sizeof(address), "unix:path=/run/systemd/private");
	int r = sd_bus_new(&q->bus);

	if (r >= 0)
		r = sd_bus_set_address(q->bus, address);
	if (r >= 0)
		r = sd_bus_start(q->bus);
	if (r < 0)
		q->bus = sd_bus_unref(q->bus);
	return r;
}

static int open_bus(struct request *q)
{
	const char *given = getenv("XDG_RUNTIME_DIR");
	char runtime[64];

	/* Both are what a login gives; a manager that is a service may have neither, or an empty one. */
	if (q->user && (!given || !*given)) {
		snprintf(runtime, sizeof(runtime), "/run/user/%u", geteuid());
		setenv("XDG_RUNTIME_DIR", runtime, 1);
	}
	int r = q->user ? sd_bus_open_user(&q->bus) : sd_bus_open_system(&q->bus);

	if ((r == -ENOENT || r == -ECONNREFUSED) && open_private(q) >= 0)
		r = 0;
	if (r < 0) {
		complain("cannot connect to the %s bus of systemd: %s", q->user ? "user" : "system",
			 strerror(-r));
		if (q->user)
			return complain("it takes a user manager (loginctl enable-linger) and "
					"XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS; or use "
					"--cgroup-manager cgroupfs");
		return complain("is systemd the init of this host? Use --cgroup-manager cgroupfs "
				"where it is not");
	}
	sd_bus_set_method_call_timeout(q->bus, left(q));
	return 0;
}

static int new_call(const struct request *q, const char *method, sd_bus_message **m)
{
	return sd_bus_message_new_method_call(q->bus, m, DESTINATION, OBJECT, MANAGER, method);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static int job_removed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct request *q = arg;
	const char *job, *unit, *result;
	uint32_t number;

	(void)e;
	if (sd_bus_message_read(m, "uoss", &number, &job, &unit, &result) >= 0 && q->job &&
	    streq(job, q->job) && !q->result)
		q->result = strdup(result);
	return 0;
}

/* Before the job is made, or its end could be missed. Neither is waited for: the bus keeps order. */
static int listen_for_jobs(struct request *q)
{
	int r = sd_bus_match_signal_async(q->bus, NULL, DESTINATION, OBJECT, MANAGER, "JobRemoved",
					  job_removed, NULL, q);

	if (r >= 0)
		r = sd_bus_call_method_async(q->bus, NULL, DESTINATION, OBJECT, MANAGER,
					     "Subscribe", NULL, NULL, NULL);
	return r;
}

static int wait_for_job(struct request *q, sd_bus_message *reply, const char *what)
{
	const char *job;
	int r = sd_bus_message_read(reply, "o", &job);

	if (r >= 0 && !(q->job = strdup(job)))
		r = -ENOMEM;
	while (r >= 0 && !q->result) {
		if (now() >= q->deadline)
			r = -ETIMEDOUT;
		else if ((r = sd_bus_process(q->bus, NULL)) == 0)
			r = sd_bus_wait(q->bus, left(q));
		if (r == -EINTR)
			r = 0;
	}
	if (r < 0)
		return refused(q, what, NULL, r);
	if (streq(q->result, "done"))
		return 0;
	complain("%s %s: systemd's job ends with '%s'", what, q->unit, q->result);
	return complain("systemctl %sstatus %s", q->user ? "--user " : "", q->unit);
}

/* ---- requests -------------------------------------------------------------------------------- */

static int append_property(sd_bus_message *m, const char *property)
{
	const char *equals = strchr(property, '=');
	auto_free char *name = equals ? strndup(property, (size_t)(equals - property)) : NULL;
	size_t n = name ? strlen(name) : 0;
	int r = name ? sd_bus_message_open_container(m, 'r', "sv") : -EINVAL;

	if (r < 0)
		return r;
	/* Unit files have TimeoutStopSec=, the bus has TimeoutStopUSec. */
	if (n > 4 && streq(name + n - 3, "Sec") && name[n - 4] != 'U') {
		auto_free char *micro = NULL;

		if (asprintf(&micro, "%.*sUSec", (int)n - 3, name) < 0)
			return -ENOMEM;
		r = sd_bus_message_append(m, "s", micro);
		if (r >= 0)
			r = value_append_seconds(m, equals + 1);
	} else {
		r = sd_bus_message_append(m, "s", name);
		if (r >= 0)
			r = value_append(m, equals + 1);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_properties(const struct request *q, sd_bus_message *m)
{
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	for (char *const *p = q->properties; r >= 0 && *p; p++) {
		r = append_property(m, *p);
		if (r < 0)
			return complain("org.systemd.property.%.*s: '%s' is no value in "
					"GVariant's text format",
					(int)strcspn(*p, "="), *p, *p + strcspn(*p, "=") + 1);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? complain("cannot make a message: %s", strerror(-r)) : 0;
}

/* Whatever becomes of it is no longer of interest. */
static void forget_failure(const struct request *q)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;

	(void)sd_bus_call_method(q->bus, DESTINATION, OBJECT, MANAGER, "ResetFailedUnit", &e, NULL,
				 "s", q->unit);
	sd_bus_error_free(&e);
}

static int ask_to_start(const struct request *q, sd_bus_message **reply, sd_bus_error *e)
{
	sd_bus_message *m = NULL;
	int r = new_call(q, "StartTransientUnit", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", q->unit, "fail");
	if (r >= 0 && append_properties(q, m) < 0) {
		sd_bus_message_unref(m);
		return 1; /* said already */
	}
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(q->bus, m, left(q), e, reply);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

static int print_cgroup(const struct request *q)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	const char *dot = strrchr(q->unit, '.');
	char *path = NULL, *cgroup = NULL;
	int r = sd_bus_path_encode(OBJECT "/unit", q->unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_string(q->bus, DESTINATION, path,
					       dot && streq(dot, ".slice") ? ERROR "Slice"
									   : ERROR "Scope",
					       "ControlGroup", &e, &cgroup);
	if (r < 0)
		refused(q, "ControlGroup of", &e, r);
	else
		puts(cgroup);
	sd_bus_error_free(&e);
	free(cgroup);
	free(path);
	return r;
}

static int start(struct request *q)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = listen_for_jobs(q);

	if (r < 0)
		return refused(q, "start", NULL, r);
	r = ask_to_start(q, &reply, &e);
	if (r < 0 && sd_bus_error_has_name(&e, ERROR "UnitExists")) {
		/* Maybe all that is left of it is the memory of a failure. */
		sd_bus_error_free(&e);
		forget_failure(q);
		r = ask_to_start(q, &reply, &e);
	}
	if (r < 0)
		refused(q, "start", &e, r);
	if (r == 0 && (r = wait_for_job(q, reply, "start")) < 0)
		(void)sd_bus_call_method_async(q->bus, NULL, DESTINATION, OBJECT, MANAGER,
					       "StopUnit", NULL, NULL, "ss", q->unit, "replace");
	sd_bus_message_unref(reply);
	sd_bus_error_free(&e);
	return r == 0 ? print_cgroup(q) : -1;
}

static int set(struct request *q)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r = new_call(q, "SetUnitProperties", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "sb", q->unit, 1 /* not for the next boot */);
	if (r >= 0 && append_properties(q, m) < 0) {
		sd_bus_message_unref(m);
		return -1;
	}
	if (r >= 0)
		r = sd_bus_call(q->bus, m, left(q), &e, NULL);
	if (r < 0)
		refused(q, "change", &e, r);
	sd_bus_message_unref(m);
	sd_bus_error_free(&e);
	return r;
}

static int stop(struct request *q)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = listen_for_jobs(q);

	if (r >= 0)
		r = sd_bus_call_method(q->bus, DESTINATION, OBJECT, MANAGER, "StopUnit", &e, &reply,
				       "ss", q->unit, "replace");
	if (r < 0 && sd_bus_error_has_name(&e, ERROR "NoSuchUnit"))
		r = 0; /* a scope without processes goes by itself */
	else if (r < 0)
		refused(q, "stop", &e, r);
	else
		r = wait_for_job(q, reply, "stop");
	if (r >= 0)
		forget_failure(q);
	sd_bus_message_unref(reply);
	sd_bus_error_free(&e);
	return r;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct request *q);
	} requests[] = { { "start", start }, { "set", set }, { "stop", stop } };

	if (argc < 4)
		return 2;

	struct request q = {
		.user = streq(argv[1], "user"),
		.unit = argv[3],
		.properties = argv + 4,
		.deadline = now() + PATIENCE * 1000000ULL,
	};
	int r = -1;

	/* For what libsystemd waits for without a limit of ours: who is killed by SIGALRM was late. */
	alarm(PATIENCE + 5);
	if (open_bus(&q) == 0)
		for (size_t i = 0; i < array_len(requests); i++)
			if (streq(argv[2], requests[i].name))
				r = requests[i].run(&q);
	sd_bus_flush_close_unref(q.bus);
	free(q.job);
	free(q.result);
	return r < 0 || fflush(stdout) != 0;
}
