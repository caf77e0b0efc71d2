# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# faults.bash -- what faults.bats and `run` share: bundles to sweep over, and a storm of commands.

# The container's program looks at everything and ends; that of standing.json stands still.
sweep_bundle() { # FILTER...
	bundle "$(args all)" "$@"
	jq "$(args sleep)" config.json >standing.json
}

# COMMAND FAULT [OPTION...]: see sweeper.c
sweep() {
	"${SWEEPER:-$(dirname "$OCIRT")/tests/faults/sweeper}" -r "$OCIRT" -b "$bundle" \
		-d "$dir/swept-$1-$2" -c "$1" -f "$2" "${@:3}"
}

# --- many at once -------------------------------------------------------------------------------

# Answers that are right for some order of what everybody does.
storm_legal='a container with this id already exists|container does not exist|cannot start a container that is|cannot delete container .* that is not stopped|container not running|cannot pause a container that is|container not paused|cannot update a container that is|cannot exec in a container that is|cannot reach the container.s first process|^ocirt: hint:'

storm_worker() { # NUMBER UNTIL NAMES
	local name status
	RANDOM=$1
	while ((SECONDS < $2)); do
		name=$id-$((RANDOM % $3))
		status=0
		case $((RANDOM % 10)) in
		0 | 1 | 2) ocirt create --bundle "$bundle" "$name" ;;
		3 | 4) ocirt start "$name" ;;
		5) ocirt kill "$name" KILL ;;
		6) ocirt delete "$name" ;;
		7) ocirt delete --force "$name" ;;
		8) ocirt update --pids-limit $((RANDOM % 50 + 5)) "$name" ;;
		9) ocirt state "$name" >/dev/null ;;
		esac 2>"$dir/storm.$1.err" </dev/null >>"$dir/storm.$1.out" || status=$?
		printf '%s\n' $status >>"$dir/storm.$1.statuses"
		((status <= 1)) || echo "status $status of $name: $(<"$dir/storm.$1.err")"
		grep -vE "$storm_legal" "$dir/storm.$1.err" || :
	done >"$dir/storm.$1.wrong"
}

# WORKERS do random things to NAMES containers for SECONDS; says what was wrong.
storm() { # WORKERS NAMES SECONDS
	local i pids=()
	for ((i = 1; i <= $1; i++)); do
		storm_worker $i $((SECONDS + $3)) "$2" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for ((i = 0; i < $2; i++)); do
		ocirt delete --force "$id-$i" || echo "cannot delete $id-$i"
	done
	echo "storm: $(cat "$dir"/storm.*.statuses | wc -l) commands," \
		"$(cat "$dir"/storm.*.statuses | grep -c '^0') of them succeeded"
	cat "$dir"/storm.*.wrong
}
