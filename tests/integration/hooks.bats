#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# Hooks (config.md, POSIX-platform Hooks): when each of the six kinds runs, where, with what, and
# what follows when it fails. Hooks of the host are shell scripts here, those inside the demo program.

load helpers
load life

outer=(prestart createRuntime createContainer poststart poststop)

# A host-side hook of each kind that writes a line "KIND" to $dir/order, and its state to $dir/KIND.
note_all() {
	local kind filter=.
	for kind in "${outer[@]}"; do
		filter+=" | $(sh_hook "$kind" "echo $kind >>$dir/order; cat >$dir/$kind")"
	done
	filter+=' | .hooks.startContainer = [{path: "/bin/demo", args: ["demo", "cat", "/dev/stdin"]}]'
	printf %s "$filter"
}

# --- when and where -----------------------------------------------------------------------------

@test "hooks run in the order of the lifecycle" {
	bundle "$(args exit 0)" "$(note_all)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	[[ $(<"$dir/order") == $'prestart\ncreateRuntime\ncreateContainer' ]]
	[[ ! -s $dir/out ]]
	ocirt start "$id"
	[[ $(tail -n 1 "$dir/order") == poststart ]]
	await has_status "$id" stopped
	ocirt delete "$id"
	[[ $(tail -n 1 "$dir/order") == poststop ]]
	[[ $(wc -l <"$dir/order") == 5 ]]
}

@test "run has the same order" {
	bundle "$(args exit 0)" "$(note_all)"
	ocirt run "$id" </dev/null >"$dir/out" 2>&1
	[[ $(<"$dir/order") == $'prestart\ncreateRuntime\ncreateContainer\npoststart\npoststop' ]]
}

@test "several hooks of a kind run in the order of the list" {
	bundle "$(args exit 0)" "$(sh_hook prestart "echo 1 >>$dir/order")" \
		"$(sh_hook prestart "echo 2 >>$dir/order")" "$(sh_hook prestart "echo 3 >>$dir/order")"
	ocirt run "$id"
	[[ $(<"$dir/order") == $'1\n2\n3' ]]
}

@test "hooks of the runtime run in its namespaces, createContainer in the container's" {
	bundle "$(args exit 0)" "$(sh_hook createRuntime "readlink /proc/self/ns/uts >$dir/outside")" \
		"$(sh_hook createContainer "readlink /proc/self/ns/uts >$dir/inside; hostname >$dir/name")"
	ocirt run "$id"
	[[ $(<"$dir/outside") == "$(readlink /proc/self/ns/uts)" ]]
	[[ $(<"$dir/inside") != "$(<"$dir/outside")" ]]
	[[ $(<"$dir/name") == ocirt ]]
}

@test "createRuntime hooks find the container's namespaces by the pid of the state" {
	bundle "$(args exit 0)" \
		"$(sh_hook createRuntime "readlink /proc/\$(jq .pid)/ns/net >$dir/net")"
	ocirt run "$id"
	[[ $(<"$dir/net") == net:* && $(<"$dir/net") != "$(readlink /proc/self/ns/net)" ]]
}

@test "createContainer hooks see the mounts of the container, and the host's programs" {
	bundle "$(args exit 0)" \
		"$(sh_hook createContainer "pwd >$dir/cwd; stat -f -c %T proc >$dir/type; stat -c %F dev/null >$dir/null")"
	ocirt run "$id"
	[[ $(<"$dir/cwd") == "$bundle/rootfs" ]]
	[[ $(<"$dir/type") == proc ]]
	[[ $(<"$dir/null") == "character special file" ]]
}

@test "a createContainer hook can prepare the root for the program" {
	bundle "$(args cat /etc/made)" "$(sh_hook createContainer "echo by hook >etc/made")" \
		'.root.readonly = false'
	run ocirt run "$id"
	expect_status 0
	expect_line "by hook"
}

@test "startContainer hooks run inside, after create, before the program" {
	bundle "$(args cat /tmp/made)" '.root.readonly = false' \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "write", "/tmp/made", "inside"]}]'
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	[[ ! -e rootfs/tmp/made ]]
	ocirt start "$id"
	await holds "$dir/out" inside
}

@test "poststart hooks run when the program does" {
	bundle "$(args sleep)" \
		"$(sh_hook poststart "readlink /proc/\$(jq .pid)/exe >$dir/exe")"
	ocirt run --detach "$id" </dev/null >"$dir/out" 2>&1
	[[ $(<"$dir/exe") == */bin/demo ]]
}

@test "poststop hooks run when everything is gone" {
	bundle "$(args exit 0)" \
		"$(sh_hook poststop "ls $root >$dir/left; find /sys/fs/cgroup -ignore_readdir_race -name '*$id*' >>$dir/left")"
	ocirt run "$id"
	[[ -e $dir/left && ! -s $dir/left ]]
}

# --- with what ----------------------------------------------------------------------------------

@test "a hook gets the state on its standard input" {
	bundle "$(args exit 0)" "$(note_all)" '.annotations = {"a": "b"}'
	ocirt run "$id" </dev/null >"$dir/out"
	for kind in "${outer[@]}"; do
		jq -e --arg id "$id" --arg bundle "$bundle" '.id == $id and .bundle == $bundle and
			(.ociVersion | test("^[0-9]+[.][0-9]+[.][0-9]+$")) and .annotations == {"a": "b"}' \
			"$dir/$kind"
	done
	# startContainer: what cat printed
	jq -e --arg id "$id" '.id == $id' "$dir/out"
}

@test "the status in the state is that of the moment" {
	bundle "$(args exit 0)" "$(note_all)"
	ocirt run "$id" </dev/null >"$dir/startContainer"
	mapfile -t states < <(cd "$dir" && jq -r .status prestart createRuntime createContainer \
		startContainer poststart poststop)
	[[ ${states[*]} == "creating creating creating created running stopped" ]]
}

@test "the pid in the state is one of the hook's own pid namespace" {
	bundle "$(args sleep)" "$(note_all)"
	ocirt create "$id" </dev/null >"$dir/startContainer" 2>&1
	ocirt start "$id"
	for kind in prestart createRuntime poststart; do
		[[ $(jq .pid "$dir/$kind") == "$(pid_of "$id")" ]]
	done
	[[ $(jq .pid "$dir/createContainer") == 1 ]]
	[[ $(jq .pid "$dir/startContainer") == 1 ]]
	ocirt delete --force "$id"
	[[ $(jq '.pid // 0' "$dir/poststop") == 0 ]]
}

@test "hooks of the runtime stand in the bundle, also when that is not the caller's directory" {
	bundle "$(args exit 0)" "$(sh_hook createRuntime "pwd >$dir/cwd")" \
		"$(sh_hook poststop "pwd >>$dir/cwd")"
	cd /
	ocirt run --bundle "$bundle" "$id"
	[[ $(<"$dir/cwd") == "$bundle"$'\n'"$bundle" ]]
}

@test "a hook has the environment that it brings, and nothing else" {
	bundle "$(args exit 0)" \
		'.hooks.createRuntime = [{path: "/usr/bin/env", env: ["A=1", "B=two words"]}]' \
		".annotations = {\"run.oci.hooks.stdout\": \"$dir/env\"}"
	ocirt run "$id"
	[[ $(<"$dir/env") == $'A=1\nB=two words' ]]
}

@test "without env a hook of the runtime has the caller's" {
	bundle "$(args exit 0)" "$(sh_hook createRuntime "echo \$OF_THE_CALLER >$dir/env")"
	OF_THE_CALLER=yes ocirt run "$id"
	[[ $(<"$dir/env") == yes ]]
}

@test "without env a createContainer hook has nothing of the caller's" {
	bundle "$(args exit 0)" "$(sh_hook createContainer "echo \"\$OF_THE_CALLER.\" >$dir/env")"
	OF_THE_CALLER=yes ocirt run "$id"
	[[ $(<"$dir/env") == . ]]
}

@test "without env a startContainer hook has the program's" {
	bundle "$(args exit 0)" '.process.env += ["OF_THE_PROGRAM=yes"]' \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "env"]}]'
	OF_THE_CALLER=yes ocirt run "$id" >"$dir/out"
	holds "$dir/out" OF_THE_PROGRAM=yes
	run cat "$dir/out"
	expect_no_line OF_THE_CALLER
}

@test "a startContainer hook has the program's rights" {
	bundle "$(args exit 0)" '.process.user = {uid: 1000, gid: 1001}' '.process.capabilities = {}' \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "status"]}]'
	run ocirt run "$id"
	expect_status 0
	expect_fact Uid "1000 1000 1000 1000"
	expect_fact Gid "1001 1001 1001 1001"
	expect_fact CapEff 0000000000000000
	expect_fact NoNewPrivs 1
}

@test "a startContainer hook is confined by the program's filter" {
	bundle "$(args exit 0)" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
			syscalls: [{names: ["sethostname"], action: "SCMP_ACT_KILL_PROCESS"}]}' \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "syscall", "sethostname"]}]'
	run -1 --separate-stderr ocirt run "$id"
	[[ $output == "syscall: sethostname" ]]
	[[ $stderr == *"error running startContainer hook #0: /bin/demo: bad system call" ]]
}

@test "a startContainer hook stands in /, wherever the program does" {
	bundle "$(args exit 0)" '.process.cwd = "/tmp"' \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "cwd"]}]'
	run ocirt run "$id"
	expect_status 0
	expect_fact cwd /
}

@test "the first argument is passed as it is given" {
	bundle "$(args exit 0)" \
		".hooks.createRuntime = [{path: \"/bin/sh\", args: [\"a name\", \"-c\", \"echo \$0 >$dir/name\"]}]"
	ocirt run "$id"
	[[ $(<"$dir/name") == "a name" ]]
}

@test "hooks have 0, 1 and 2 and nothing else" {
	bundle "$(args exit 0)" "$(sh_hook createRuntime "ls /proc/self/fd >$dir/outside")" \
		"$(sh_hook createContainer "ls /proc/self/fd >$dir/inside")" \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "fds"]}]'
	ocirt run --preserve-fds 2 "$id" 3</dev/null 4</dev/null </dev/null >"$dir/out"
	[[ $(<"$dir/outside") == $'0\n1\n2\n3' ]] # 3 is the directory that ls reads
	[[ $(<"$dir/inside") == $'0\n1\n2\n3' ]]
	[[ $(cut -d: -f1 "$dir/out") == $'0\n1\n2' ]]
}

@test "a hook is not disturbed by signals that the caller ignores or blocks" {
	bundle "$(args exit 0)" "$(sh_hook createRuntime "grep -E 'Sig(Blk|Ign)' /proc/self/status >$dir/outside")" \
		"$(sh_hook createContainer "grep -E 'Sig(Blk|Ign)' /proc/self/status >$dir/inside")"
	(
		trap '' HUP USR1 PIPE
		ocirt run "$id" >"$dir/out" 2>&1
	)
	[[ $(cut -f2 "$dir/outside" | sort -u) == 0000000000000000 ]]
	[[ $(cut -f2 "$dir/inside" | sort -u) == 0000000000000000 ]]
}

@test "a hook need not read its standard input, however large the state is" {
	bundle "$(args exit 0)" "$(sh_hook createRuntime 'exec true')" \
		"$(sh_hook createContainer 'exec true')" '.annotations = {"big": ("x" * 200000)}'
	run ocirt run "$id"
	expect_status 0
}

@test "a hook gets the whole of a large state" {
	bundle "$(args exit 0)" "$(note_all)" '.annotations = {"big": ("x" * 200000)}'
	ocirt run "$id" >"$dir/startContainer"
	for kind in "${outer[@]}" startContainer; do
		[[ $(jq '.annotations.big | length' "$dir/$kind") == 200000 ]]
	done
}

@test "a state of more than one megabyte is one that later commands can read" {
	bundle "$(args sleep)" '.annotations = {"big": ("x" * 2000000)}'
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	has_status "$id" created
	ocirt start "$id"
	ocirt state "$id" | jq -e '.annotations.big | length == 2000000'
	ocirt delete --force "$id"
	expect_no_container "$id"
}

# --- failing ------------------------------------------------------------------------------------

@test "a hook that fails before the program runs undoes the container, and poststop hooks run" {
	for kind in prestart createRuntime createContainer; do
		rm -rf "$bundle" "$dir/poststop"
		bundle "$(args sleep)" "$(sh_hook "$kind" 'echo the reason >&2; exit 3')" \
			"$(sh_hook poststop "cat >$dir/poststop")"
		run ocirt create "$id" </dev/null
		expect_status 1
		expect_error create "error running $kind hook #0: /bin/sh: exit status 3" "the reason"
		expect_no_container "$id"
		[[ $(jq -r .status "$dir/poststop") == stopped ]]
	done
}

@test "after a hook that fails the next ones do not run" {
	bundle "$(args sleep)" "$(sh_hook createRuntime 'exit 1')" \
		"$(sh_hook createRuntime ": >$dir/second")" "$(sh_hook createContainer ": >$dir/second")"
	run ocirt create "$id" </dev/null
	expect_status 1
	[[ ! -e $dir/second ]]
}

@test "the number of the hook that failed is in the error" {
	bundle "$(args sleep)" "$(sh_hook createContainer :)" "$(sh_hook createContainer 'exit 1')"
	expect_refused "error running createContainer hook #1: /bin/sh: exit status 1"
}

@test "all lines that a hook wrote to standard error are in the error" {
	for kind in createRuntime createContainer; do
		rm -rf "$bundle"
		bundle "$(args exit 0)" "$(sh_hook "$kind" 'echo one >&2; echo two >&2; printf "three " >&2; exit 1')"
		run ocirt run "$id"
		[[ $output =~ one(" | "|" ")two(" | "|" ")three$ ]]
	done
}

@test "a startContainer hook that fails stops the container: start" {
	bundle "$(args sleep)" "$(sh_hook poststop ": >$dir/poststop")" \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "exit", "3"]}]'
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	run ocirt start "$id"
	expect_status 1
	expect_error start "error running startContainer hook #0: /bin/demo: exit status 3"
	expect_no_container "$id"
	[[ -e $dir/poststop ]]
}

@test "a startContainer hook that fails stops the container: run" {
	bundle "$(args sleep)" \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "cat", "/nowhere"]}]'
	expect_refused "error running startContainer hook #0: /bin/demo: exit status 1" "/nowhere"
}

@test "a poststart hook that fails kills the program" {
	bundle "$(args sleep)" "$(sh_hook poststop ": >$dir/poststop")" \
		"$(sh_hook poststart "jq .pid >$dir/pid; exit 4")"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	run ocirt start "$id"
	expect_status 1
	expect_error start "error running poststart hook #0: /bin/sh: exit status 4"
	is_gone "$(<"$dir/pid")"
	expect_no_container "$id"
	[[ -e $dir/poststop ]]
}

@test "a poststart hook that fails ends run, too" {
	bundle "$(args sleep)" "$(sh_hook poststart "exit 4")"
	expect_refused "error running poststart hook #0: /bin/sh: exit status 4"
}

@test "a poststop hook that fails is a warning, and the others run" {
	bundle "$(args exit 0)" "$(sh_hook poststop 'exit 1')" "$(sh_hook poststop ": >$dir/second")"
	run ocirt run "$id"
	expect_status 0
	expect_line "warning: "
	expect_line "error running poststop hook #0: /bin/sh: exit status 1"
	[[ -e $dir/second ]]
	expect_no_container "$id"
}

@test "a hook that is killed says by what" {
	bundle "$(sh_hook createRuntime "kill -SEGV \$\$")"
	expect_refused "error running createRuntime hook #0: /bin/sh: killed by SIGSEGV"
}

@test "a createContainer hook that is killed says by what" {
	bundle "$(sh_hook createContainer "kill -SEGV \$\$")"
	expect_refused "error running createContainer hook #0: /bin/sh: killed by SIGSEGV"
}

@test "a timeout kills the hook and all that it started" {
	mkfifo "$dir/fifo"
	: >"$dir/pid" # which it may not come to write
	bundle '.hooks.createRuntime = []' \
		"$(sh_hook createRuntime "echo \$\$ >$dir/pid; cat $dir/fifo & echo \$! >>$dir/pid; wait")" \
		'.hooks.createRuntime[0].timeout = 1'
	expect_refused "error running createRuntime hook #0: /bin/sh: timed out after 1s"
	while read -r pid; do
		await is_gone "$pid"
	done <"$dir/pid"
}

@test "a timeout ends a createContainer hook, too" {
	mkfifo "$dir/fifo"
	bundle "$(sh_hook createContainer "exec cat $dir/fifo")" '.hooks.createContainer[0].timeout = 1'
	expect_refused "error running createContainer hook #0: /bin/sh: timed out after 1s"
}

@test "a hook that ends before its timeout is not disturbed" {
	bundle "$(args exit 0)" "$(sh_hook createRuntime :)" "$(sh_hook createContainer :)" \
		'.hooks.createRuntime[0].timeout = 50 | .hooks.createContainer[0].timeout = 50'
	ocirt run "$id"
}

@test "a hook may leave a process behind that holds its standard files" {
	mkfifo "$dir/fifo"
	bundle "$(args exit 0)" "$(sh_hook createRuntime "cat $dir/fifo & :")"
	ocirt run "$id"
	: >"$dir/fifo"
}

@test "a createContainer hook may leave a process behind, which is then the container's" {
	bundle "$(args exit 0)" "$(sh_hook createContainer "cat & :")"
	run ocirt run "$id" </dev/null
	expect_status 0
}

@test "a createContainer hook that does not exist is named" {
	bundle '.hooks.createContainer = [{path: "/no/such/hook"}]'
	expect_refused "error running createContainer hook #0: /no/such/hook: " "No such file or directory"
}

@test "a startContainer hook is looked up inside" {
	bundle '.hooks.startContainer = [{path: "/bin/sh"}]'
	expect_refused "error running startContainer hook #0: /bin/sh: " "No such file or directory"
}

@test "a hook that is not executable is named" {
	bundle ".hooks.createRuntime = [{path: \"$bundle/config.json\"}]"
	expect_refused "error running createRuntime hook #0: $bundle/config.json: Permission denied"
	expect_line "hint: it is not executable"
}

# How the run in the background ended: its status.
ended() {
	status=0
	wait "$runner" || status=$?
}

# A run in the foreground whose hook hangs, and a signal to the run.
interrupted_run() { # KIND
	bundle "$(args)" "$(sh_hook "$1" "echo \$\$ >>$dir/hook; exec sleep 1000")" \
		"$(sh_hook poststop "echo over >$dir/poststop")"
	running
	await test -s "$dir/hook"
	kill -TERM "$runner"
	ended
	expect_status 143
	is_gone "$(cat "$dir/hook")"
	expect_no_container "$id"
	[[ ! -e $root/$id ]]
}

@test "a signal ends a run whose createRuntime hook hangs" {
	interrupted_run createRuntime
}

@test "a signal ends a run whose poststart hook hangs" {
	interrupted_run poststart
}

@test "a signal ends a run whose createContainer hook hangs" {
	bundle "$(args)" "$(sh_hook createContainer "echo here >$dir/hook; exec sleep 1000")"
	running
	await test -s "$dir/hook"
	kill -TERM "$runner"
	ended
	expect_status 143
	expect_no_container "$id"
	[[ ! -e $root/$id ]]
}

@test "a signal that the caller ignores does not end a run whose hook takes its time" {
	mkfifo "$dir/go"
	bundle "$(args exit 7)" "$(sh_hook createRuntime "echo >$dir/hook; read -r _ <$dir/go")"
	(
		trap '' HUP
		exec "$OCIRT" --root "$root" run "$id"
	) >"$dir/out" 2>&1 </dev/null 3>&- &
	local runner=$!
	await test -s "$dir/hook"
	kill -HUP "$runner"
	echo >"$dir/go"
	ended
	expect_status 7
	expect_no_container "$id"
}
