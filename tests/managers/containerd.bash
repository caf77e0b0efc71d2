# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# containerd.bash -- a containerd of the script's own, and images for it; to be sourced after common.bash.

# shellcheck disable=SC2154 # of common.bash

space=${work##*/} # what all names that reach the host begin with
parent=/$space    # the cgroup of all others
[[ -z $systemd ]] || parent=$space.slice

export CONTAINERD_ADDRESS=/run/containerd.sock

# The configuration up to the plugins'.
containerd_config() { # DISABLED-PLUGIN...
	local list
	list=$(printf '"io.containerd.%s", ' "$@" internal.v1.opt tracing.processor.v1.otlp)
	cat >"$work/config.toml" <<-EOF
		version = 2
		root = "$work/root"
		state = "/run/containerd-state"
		disabled_plugins = [${list%, }]
		[grpc]
		address = "$CONTAINERD_ADDRESS"
	EOF
}

containerd_start() {
	containerd --config "$work/config.toml" --log-level warn >>"$work/containerd.log" 2>&1 &
	echo $! >"$work/daemon"
	disown # bash need not tell of its end
	await ctr version
}

containerd_stop() {
	kill "$(<"$work/daemon")"
	await eval '! kill -0 $(<"$work/daemon")'
}

# Where overlay does not work (an overlay below it), containerd's other way does: a function that starts
# it and takes $snapshotter.
try_snapshotters() { # FUNCTION
	for snapshotter in overlayfs native; do
		"$1" && return
		[[ ! -e $work/daemon ]] || containerd_stop
	done
	return 1
}

# What is left when all containers are gone: of CONTAINERD_NAMESPACE, below the cgroup $parent.
expect_nothing_left() {
	await eval '! pgrep -f containerd-shim'
	expect_empty "/run/containerd/runc/$CONTAINERD_NAMESPACE"
	containerd_stop
	expect_no_cgroups -path "*$parent/*"
	expect_no_mounts
}

ctr() {
	timeout --kill-after=5 "$patience" ctr "$@"
}

# An image as `docker save` writes it: one layer.
make_image() { # ROOTFS ARCHIVE NAME [ARGUMENT...]
	local rootfs=$1 archive=$2 name=$3 at=$work/image layer
	shift 3
	mkdir -p "$at"
	tar -C "$rootfs" --numeric-owner -c . -f "$at/layer.tar"
	layer=$(sha256sum "$at/layer.tar" | cut -d' ' -f1)
	jq -n --arg layer "sha256:$layer" --arg machine "$(dpkg --print-architecture)" \
		'{architecture: $machine, os: "linux",
		config: {Env: ["PATH=/bin"], Cmd: $ARGS.positional},
		rootfs: {type: "layers", diff_ids: [$layer]}}' --args -- "${@:-sh}" >"$at/config.json"
	jq -n --arg name "$name" \
		'[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' >"$at/manifest.json"
	tar -C "$at" -c manifest.json config.json layer.tar -f "$archive"
}
