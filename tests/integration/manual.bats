#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The examples of the manual: each is run as it stands there, but for names and paths.

load helpers

prepare() {
	manual=${top_srcdir:-$BATS_TEST_DIRNAME/../..}/man
	export root bundle OCIRT
	mkdir "$dir/bin"
	# What the examples call ocirt.
	printf '#!/bin/sh\nexec "%s" --root "%s" "$@"\n' "$OCIRT" "$root" >"$dir/bin/ocirt"
	chmod +x "$dir/bin/ocirt"
	PATH=$dir/bin:$PATH
}

# The examples of a page without troff's signs, and with the names and paths of this test.
examples() { # PAGE
	awk '/^\.EE/ { inside = 0 } inside; /^\.EX/ { inside = 1 }' "$manual/$1" |
		sed "s/\\\\-/-/g; s/\\\\e/\\\\/g; s|/srv/web|$bundle|g; s|/tmp/demo|$dir/demo|g
			s|/run/web.pid|$dir/pid|g; s/\\bweb\\b/$id/g; s/\\bdb\\b/$id-db/g; s/ demo\$/ $id/
			s/\\^test-/^$id-none/"
}

# Runs the commands of a page, and compares what they say with what follows them there; any number is as
# good as another.
run_examples() { # PAGE
	local line command='' said='' n=0
	while IFS= read -r line; do
		if [[ $line == [\#\$]" "* || -n $command ]]; then
			command+=${line#[#$] }
			[[ $command != *'|' ]] || continue # it goes on
			# At a terminal somebody types "exit".
			[[ $command != *" -t "* ]] ||
				command="echo exit | script -qec $(printf %q "$command") /dev/null"
			# Into a file: a pipe would be the container's, too.
			timeout 60 bash -c "$command" </dev/null >"$dir/said" 2>&1 ||
				complain "$command: $(<"$dir/said")"
			said=$(<"$dir/said")
			command='' n=$((n + 1))
		else
			[[ $(sed 's/[0-9]\+/N/g' <<<"$said") == "$(sed 's/[0-9]\+/N/g' <<<"$line")" ]] ||
				complain "instead of '$line': $said"
		fi
	done < <(examples "$1")
	((n > 0)) || complain "$1 has no examples"
}

# A container of busybox with two processes.
web() {
	local busybox name
	busybox=$(command -v busybox) || skip "no busybox: apt install busybox-static"
	! ldd "$busybox" >/dev/null 2>&1 || skip "busybox is not static: apt install busybox-static"
	bundle '.process.args = ["/bin/sh", "-c", "trap : HUP; sleep 1000 & exec sleep 1000"]'
	cp "$busybox" rootfs/bin/busybox
	mkdir rootfs/srv
	for name in sh ls sleep; do
		ln -s busybox "rootfs/bin/$name"
	done
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	ocirt start "$id"
	# Until both are there.
	await eval '[[ $(ocirt ps --format json "$id" | jq length) == 2 ]]'
}

clean_up() {
	ocirt delete --force "$id-db" 2>/dev/null || :
}

@test "each page with examples is in this file, and there are pages without" {
	local page
	for page in "$manual"/*.[58]; do
		! grep -q '^\.EX' "$page" || grep -q " ${page##*/}" "$BATS_TEST_FILENAME" ||
			complain "${page##*/}: nobody runs its examples"
	done
}

@test "the manual: containers from nothing" {
	run_examples ocirt-spec.8
	rm -r "$dir/demo"
	run_examples ocirt-run.8
}

@test "the manual: create" {
	bundle "$(args sleep)"
	run_examples ocirt-create.8
	[[ $(<"$dir/pid") == "$(pid_of "$id")" ]]
}

@test "the manual: start" {
	bundle "$(args sleep)"
	run_examples ocirt-start.8
	[[ $(status_of "$id") == running ]]
}

@test "the manual: ocirt itself" {
	web
	ocirt delete --force "$id"
	# The last line of the page deletes what the one before has ended only with a signal.
	examples ocirt.8 | grep -v " delete " >"$dir/ocirt.8"
	manual=$dir
	sed -i '1i .EX' "$dir/ocirt.8"
	change '.process.args = ["/bin/sh", "-c", "trap \"exit 0\" TERM; while :; do sleep 0.02; done"]'
	run_examples ocirt.8
	await eval '[[ $(status_of "$id") == stopped ]]'
	ocirt delete "$id"
}

@test "the manual: looking at a container" {
	web
	run_examples ocirt-state.8
	run_examples ocirt-ps.8
	run_examples ocirt-list.8
	run_examples ocirt-stats.8
	run_examples ocirt-features.8
}

@test "the manual: exec" {
	web
	run_examples ocirt-exec.8
}

@test "the manual: changing a container" {
	web
	run_examples ocirt-update.8
	run_examples ocirt-pause.8
	run_examples ocirt-kill.8
	run_examples ocirt-delete.8
	expect_no_container "$id"
}

@test "the manual: events" {
	web
	# The last of them goes on until the container ends.
	run_examples ocirt-events.8 &
	local reader=$!
	await eval 'pgrep -f "events --interval 1m $id" >/dev/null'
	ocirt kill "$id" KILL
	wait "$reader"
}

@test "the manual: completion" {
	local shell
	while read -r line; do
		line=${line#\$ }
		shell=$(grep -oE 'bash|zsh|fish' <<<"$line")
		command -v "$shell" >/dev/null || continue
		line=${line/| source/| source -}
		[[ $shell != zsh ]] || line="autoload -U compinit; compinit -u -d $dir/dump; $line"
		HOME=$dir "$shell" -c "$line" || complain "$line"
	done < <(examples ocirt-completion.8)
}

# The n-th example of ocirt-config(5), which are no commands.
example() { # N
	awk -v n="$1" '/^\.EE/ { inside = 0 } inside && k == n; /^\.EX/ { inside = 1; k++ }' \
		"$manual/ocirt-config.5"
}

@test "the manual: ocirt-config.5" {
	[[ $(grep -c '^\.EX' "$manual/ocirt-config.5") == 4 ]]
	bundle ".mounts += [$(example 1)]"
	demo write /etc/passwd mine
	expect_status 0
	[[ $(<rootfs/etc/passwd) != mine ]]

	mkdir "$dir/data"
	touch "$dir/data/file"
	chown 1:2 "$dir/data/file"
	change ".mounts += [$(example 2) | .source = \"$dir/data\"]"
	demo stat /data/file
	expect_fact uid 1001
	expect_fact gid 1002

	mkdir -p "$dir/images"/{site,httpd}
	echo site | tee "$dir/images/site/both" >"$dir/images/site/one"
	echo httpd | tee "$dir/images/httpd/both" >"$dir/images/httpd/other"
	mv rootfs "$dir/images/base"
	change ". += ({$(example 3)} | walk(if type == \"string\" then gsub(\"/srv\"; \"$dir\") else . end))
		| .root.readonly = false"
	demo cat /both
	[[ $output == site ]] || skip "$output" # an overlay over an overlay, on this machine
	demo cat /other
	[[ $output == httpd ]]
	demo write /both mine
	expect_status 0
	[[ $(<"$dir/images/site/both") == site ]]
}

@test "the manual: ocirt-config.5, what hooks say" {
	bundle "{$(example 4)} + ." ".annotations[] = \"$dir/log\"" \
		".hooks.poststart = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"echo said >&2\"]}]"
	demo true
	[[ $(<"$dir/log") == said ]]
}
