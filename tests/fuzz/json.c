/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json -- config.json and state.json, and whether what is written can be read.
 */
#include "fuzz.h"

#include "base/file.h"
#include "base/util.h"
#include "host/state.h"
#include "ocispec.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM ((size_t)4 << 20)

/* Written and read again it is the same. */
static void round_trip(const struct oci_schema *schema, const void *value)
{
	struct ocispec_error wrong;
	struct arena a;
	size_t len, again_len;
	char *text = ocispec_write(schema, value, false, &len);

	ensure(text && arena_open_private(&a, 4 * ROOM) == 0);
	void *again = arena_alloc(&a, schema->size, 16);

	ensure(again);
	ensure(ocispec_read(&a, schema, text, len, again, &wrong) == 0);
	char *second = ocispec_write(schema, again, false, &again_len);

	ensure(second && again_len == len && memcmp(text, second, len) == 0);
	free(text);
	free(second);
	arena_close(&a);
}

static void check_error(const struct ocispec_error *e)
{
	ensure(memchr(e->path, '\0', sizeof(e->path)));
	ensure(memchr(e->text, '\0', sizeof(e->text)) && e->text[0]);
}

static void note(void *arg, const char *path, unsigned line, unsigned column, const char *similar)
{
	(void)line, (void)column;
	ensure(path && *path && (!similar || *similar));
	++*(size_t *)arg;
}

void fuzz_config(const uint8_t *data, size_t size)
{
	size_t noted = 0;
	const struct ocispec_sink sink = { note, &noted };
	struct ocispec_error wrong;
	struct arena a;

	ensure(arena_open_private(&a, ROOM) == 0);
	struct oci_config *c = oci_config_read_noting(&a, (const char *)data, size, &sink, &wrong);

	if (c)
		round_trip(&oci_config_schema, c);
	else
		check_error(&wrong);
	arena_close(&a);
}

static char state_directory[] = "/tmp/ocirt-fuzz.XXXXXX";
static int state_fd = -1;

static void remove_state(void)
{
	unlinkat(state_fd, "id/state.json", 0);
	unlinkat(state_fd, "id", AT_REMOVEDIR);
	rmdir(state_directory);
}

/* As every command reads it: from the state directory. */
void fuzz_state(const uint8_t *data, size_t size)
{
	const struct settings s = { .root = state_directory, .driver = CGROUP_CGROUPFS };
	struct container c;
	struct error e = { 0 };

	if (state_fd < 0) {
		ensure(mkdtemp(state_directory));
		state_fd = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ensure(state_fd >= 0 && mkdirat(state_fd, "id", 0700) == 0);
		atexit(remove_state);
	}
	unlinkat(state_fd, "id/state.json", 0);
	ensure(file_create(state_fd, "id/state.json", data, size, 0600) == 0);
	ensure(state_open_at(state_fd, "id", LOCK_READ, &c, &e) == 0);
	if (c.record.state) {
		enum status status;

		round_trip(&oci_state_schema, c.record.state);
		if (state_status(&s, &c, &status, &e) < 0)
			ensure(failed(&e));
		else
			ensure(status_name(status));
		char *text = state_json(&c, "stopped", 0, NULL);

		ensure(text);
		free(text);
		if (state_open_cgroup(&s, &c, &e) < 0)
			ensure(failed(&e));
	}
	state_close(&c);
}

/* The bytes say what is written next; whatever they say, the text is JSON. */
void fuzz_writer(const uint8_t *data, size_t size)
{
	struct json_out j = { .pretty = size & 1 };
	struct ocispec_error wrong;
	struct oci_features read = { 0 };
	struct arena a;
	unsigned depth = 1;
	uint64_t arrays = 0;

	json_object(&j);
	for (size_t i = 0; i < size; i++) {
		size_t n = MIN((size_t)(data[i] >> 4), size - i - 1);
		int64_t number = 0;

		memcpy(&number, data + i + 1, MIN(n, sizeof(number)));
		if (!(arrays >> depth & 1)) {
			char key[24];

			if (data[i] % 8 == 7) { /* closed, nothing new */
				if (depth > 1) {
					json_close(&j);
					depth--;
				}
				continue;
			}
			snprintf(key, sizeof(key), "k%zu", i);
			json_key(&j, key);
		}
		switch (data[i] % 8) {
		case 0:
			json_string_n(&j, (const char *)data + i + 1, n);
			i += n;
			break;
		case 1:
			json_int(&j, number);
			break;
		case 2:
			json_uint(&j, (uint64_t)number);
			break;
		case 3: {
			double d;

			memcpy(&d, &number, sizeof(d));
			json_double(&j, d);
			break;
		}
		case 4:
			json_bool(&j, n & 1);
			break;
		case 5:
		case 6:
			if (depth >= 60) {
				json_null(&j);
				break;
			}
			depth++;
			arrays &= ~((uint64_t)1 << depth);
			if (data[i] % 8 == 5) {
				json_object(&j);
			} else {
				json_array(&j);
				arrays |= (uint64_t)1 << depth;
			}
			break;
		default:
			if (depth > 1) {
				json_close(&j);
				depth--;
			}
		}
	}
	while (depth-- > 0)
		json_close(&j);
	ensure(json_end(&j) == 0);
	ensure(arena_open_private(&a, ROOM) == 0);
	/* What is missing may be missed, and \u0000 is refused, but nothing is wrong with the syntax. */
	if (ocispec_read(&a, &oci_features_schema, j.text, j.len, &read, &wrong) < 0)
		ensure(strstr(wrong.text, "required") || strstr(wrong.text, "NUL"));
	arena_close(&a);
	json_free(&j);
}
