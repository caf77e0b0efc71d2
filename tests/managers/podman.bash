# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# podman.bash -- a Podman of the script's own; to be sourced after common.bash.

# shellcheck disable=SC2154 # of common.bash

# The limits are those that any host grants: without CAP_SYS_RESOURCE none can be raised.
# The runtime has a short name, because Podman keeps what a runtime can do by its name.
cat >"$work/containers.conf" <<EOF
[containers]
log_driver = "k8s-file"
default_sysctls = []
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "$work/tmp"
volume_path = "$work/volumes"
network_backend = "netavark"
init_path = "$(command -v catatonit)"
runtime = "tested"
runtime_supports_json = ["tested"]
runtime_supports_nocgroups = ["tested"]
runtime_supports_nocgroup = ["tested"]
[engine.runtimes]
tested = ["$runtime"]
[network]
network_config_dir = "$work/networks"
EOF
cat >"$work/storage.conf" <<EOF
[storage]
driver = "overlay"
runroot = "$work/run"
graphroot = "$work/storage"
EOF
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$work/policy.json"
mkdir -p "$work/tmp" "$work/networks" /etc/containers
export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf

# The state of a container in one word.
state() { # NAME
	podman inspect --format '{{.State.Status}}' "$1"
}

# A container in the background, named after the check.
standing() { # NAME OPTION...
	podman run --quiet -d --network none --name "$@" img sleep 1000
}

# `podman run` with what nearly every check wants.
once() { # OPTION... IMAGE ARGUMENT...
	podman run --rm --network none "$@"
}

gone() { # NAME...
	podman rm -f -t 0 "$@"
}
