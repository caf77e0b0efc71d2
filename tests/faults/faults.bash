# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# faults.bash -- what faults.bats and `run` share: bundles to sweep over, and a storm of commands.

# shellcheck source=../integration/cgroups.bash
. "${BASH_SOURCE[0]%/*}/../integration/cgroups.bash"

# The container's program looks at everything and ends; that of the bundle inside stands still. And
# what `update` is to change.
sweep_bundle() { # FILTER...
	bundle "$(args all)" "$@"
	mkdir standing
	jq "$(args sleep) | .root.path = \"$bundle/rootfs\"" config.json >standing/config.json
	all_resources >update.json
}

# One that asks for nearly all there is: what is asked for twice is made by the same code.
rich_bundle() {
	local hook
	hook=$(printf '{path: "%s/rootfs/bin/demo", args: ["demo", "exit", "0"]}' "$bundle")
	mkdir -p "$bundle/data"
	chmod 711 "$dir" # ids of user namespaces are other users
	sweep_bundle \
		'.linux.namespaces |= (. + [{type: "user"}, {type: "cgroup"}, {type: "time"}] | unique_by(.type))
			| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
			| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 1000}]
			| .linux.timeOffsets = {monotonic: {secs: 5}}' \
		'(.mounts[] | select(.type == "sysfs")) |= {destination: "/sys", source: "/sys", options: ["rbind", "rro"]}' \
		'.mounts += [
			{destination: "/data", source: "'"$bundle"'/data", options: ["rbind", "rro"]},
			{destination: "/etc", type: "tmpfs", options: ["tmpcopyup"]},
			{destination: "/mapped", source: "'"$bundle"'/data", options: ["bind", "idmap=uids=0-1-10;gids=0-1-10"]}]' \
		'.linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 438}]' \
		".hooks = {createRuntime: [$hook], poststart: [$hook], poststop: [$hook]}" \
		'.hooks += ({path: "/bin/demo", args: ["demo", "exit", "0"]} | {startContainer: [.]})' \
		".linux.resources += $(all_resources)" \
		'(.linux.resources.cpu.quota | values) |= 1000000' `# we have no time to wait` \
		".linux.seccomp = $(<"${BASH_SOURCE[0]%/*}/../unit/seccomp-profile.json")" \
		'.linux.seccomp.syscalls += [{names: ["get_mempolicy"], action: "SCMP_ACT_ALLOW"}]' \
		'.process.user += {uid: 7, gid: 8, additionalGids: [9], umask: 63}' \
		'.process += {oomScoreAdj: 100, cwd: "/data", scheduler: {policy: "SCHED_BATCH", nice: 19},
			ioPriority: {class: "IOPRIO_CLASS_BE", priority: 6}}' \
		'.process.capabilities.ambient = ["CAP_KILL"] | .process.capabilities.inheritable = ["CAP_KILL"]' \
		'.linux.personality = {domain: "LINUX32"} | .linux.sysctl = {"net.ipv4.ip_forward": "1"}' \
		'.root.readonly = true | .domainname = "here" | .linux.rootfsPropagation = "private"'
	chown -R 100000:200000 "$bundle/rootfs"
}

# COMMAND FAULT [OPTION...]: see sweeper.c
sweep() {
	"${SWEEPER:-$(dirname "$OCIRT")/tests/faults/sweeper}" -r "$OCIRT" -b "$bundle" \
		-d "$dir/swept-$1-$2" -c "$1" -f "$2" "${@:3}"
}

# --- many at once -------------------------------------------------------------------------------

# Refusals that there may be; whether they are right for some order is for `orders`. The last but one are
# what an exec in a container that is just ending meets with.
storm_legal='a container with this id already exists|container does not exist|cannot start a container that is|cannot delete container .* that is not stopped|container not running|cannot pause a container that is|container not paused|cannot update a container that is|cannot exec in a |cannot reach the container.s first process|exec .*: (cannot make a (new namespace .*|process in the container): (Out of memory|No such process)|cannot join the cgroup: No such device|adding pid [0-9]+ to cgroup [^ ]*: No such file or directory|ocirt-init (was killed by SIGKILL|ended) before it was ready)|^ocirt: hint:'

storm_command() { # COMMAND NAME
	case $1 in
	create) ocirt create --bundle "$bundle" "$2" ;;
	kill) ocirt kill "$2" KILL ;;
	delete-force) ocirt delete --force "$2" ;;
	update) ocirt update --resources "$bundle/few.json" "$2" ;;
	exec) timeout -s KILL 5 "$OCIRT" --root "$root" exec "$2" /bin/demo exit 0 ;; # it may be paused just then
	*) ocirt "$1" "$2" ;;
	esac
}

storm_worker() { # NUMBER UNTIL NAMES
	local commands=(create create create start start kill delete delete-force update state pause resume exec)
	local name command begin end answer status
	RANDOM=$1
	while ((SECONDS < $2)); do
		name=$id-$((RANDOM % $3)) command=${commands[RANDOM % ${#commands[@]}]} status=0
		begin=${EPOCHREALTIME/[.,]/}
		storm_command "$command" "$name" 2>"$dir/storm.$1.err" </dev/null >"$dir/storm.$1.out" || status=$?
		end=${EPOCHREALTIME/[.,]/}
		answer=yes
		((status == 0)) || answer=no
		[[ $command$answer != stateyes ]] || answer=$(jq -r .status "$dir/storm.$1.out")
		((status != 137)) || continue # its time was over
		echo "$begin $end $command $name $answer" >>"$dir/storm.$1.history"
		((status <= 1)) || [[ $command == exec ]] || echo "status $status of $command $name: $(<"$dir/storm.$1.err")"
		grep -vE "$storm_legal" "$dir/storm.$1.err" || :
	done >"$dir/storm.$1.wrong"
}

# WORKERS do random things to NAMES containers for SECONDS; says what was wrong.
storm() { # WORKERS NAMES SECONDS
	local i pids=()
	echo '{"unified": {}, "devices": []}' >"$bundle/few.json"
	for ((i = 1; i <= $1; i++)); do
		storm_worker $i $((SECONDS + $3)) "$2" 2>/dev/null & # the shell would say who is killed
		pids+=($!)
	done
	wait "${pids[@]}"
	for ((i = 0; i < $2; i++)); do
		ocirt delete --force "$id-$i" || echo "cannot delete $id-$i"
	done
	echo "storm: $(cat "$dir"/storm.*.history | wc -l) commands," \
		"$(cat "$dir"/storm.*.history | grep -vc ' no$') of them succeeded"
	cat "$dir"/storm.*.wrong
	"${BASH_SOURCE[0]%/*}/orders" "$dir"/storm.*.history || :
}

# --- many ---------------------------------------------------------------------------------------

# What there is of everything that could grow: memory charged to us (the kernel's for us, too), open
# files, cgroups (those that have been removed and are still referred to are counted), state.
load_line() { # WHAT
	local memory=- v1=/sys/fs/cgroup/memory/$id
	[[ ! -e $v1 ]] || memory=$(($(<"$v1/memory.usage_in_bytes") / 1024))
	echo "| $1 | $memory | $(cut -f 1 /proc/sys/fs/file-nr) | $(awk '$1 == "pids" { print $3 }' /proc/cgroups) | $(
		find "$root" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
	) | $(find /run -xdev | wc -l) |"
}

# ALIVE containers at the same time, then RUNS in sequence; a table.
load() { # ALIVE RUNS
	local i v1=/sys/fs/cgroup/memory/$id
	[[ ! -e /sys/fs/cgroup/memory/cgroup.procs ]] || {
		mkdir "$v1" && echo $BASHPID >"$v1/cgroup.procs"
	}
	echo "| | memory, KiB | open files | cgroups | state | files in /run |"
	echo "|---|--:|--:|--:|--:|--:|"
	load_line "before"
	for ((i = 1; i <= $1; i++)); do
		ocirt run --detach --bundle "$bundle/standing" "$id-$i" >/dev/null </dev/null || echo "run $i of $1 failed"
	done
	load_line "$1 alive"
	[[ $(ocirt list --quiet | wc -l) -eq $1 ]] || echo "list does not have all of them"
	for ((i = 1; i <= $1; i++)); do
		ocirt delete --force "$id-$i" || echo "delete $i of $1 failed"
	done
	load_line "deleted"
	jq '.process.args = ["/bin/demo", "exit", "0"]' "$bundle/config.json" >"$dir/config.json"
	cp "$dir/config.json" "$bundle/config.json"
	for ((i = 1; i <= $2; i++)); do
		ocirt run --bundle "$bundle" "$id" </dev/null || echo "run $i of $2 failed"
		((i % ($2 / 5))) || load_line "after $i in sequence"
	done
	[[ ! -e $v1 ]] || {
		echo $BASHPID >/sys/fs/cgroup/memory/cgroup.procs
		rmdir "$v1"
	}
}
