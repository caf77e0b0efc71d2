# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# podman.bash -- a Podman of the script's own, and what root's and a user's have in common; to be sourced
# after common.bash.

# shellcheck disable=SC2154 # of common.bash

# The limits are those that any host grants: without CAP_SYS_RESOURCE none can be raised.
# The runtime has a short name, because Podman keeps what a runtime can do by its name.
cat >"$work/containers.conf" <<EOF
[containers]
log_driver = "k8s-file"
default_sysctls = []
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "$([[ -n $systemd ]] && echo systemd || echo cgroupfs)"
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

# shellcheck source=tests/managers/engine.bash
. "$here/engine.bash"
engine=(podman) parent=/${work##*/} unmasked=unmask=ALL init=$(command -v catatonit)

[[ -z $systemd ]] || parent=tests.slice

podman() {
	engine "$@"
}

gone() { # OPTION... NAME...
	engine rm -f -t 0 "$@"
}

# How an ordinary pod shares, with the containers of root and of a user.
pod() {
	podman pod create --name pod --network none
	podman run -d --pod pod --name p1 img sh -c 'echo one >/dev/shm/x; sleep 1000'
	await podman exec p1 test -s /dev/shm/x
	says one podman run --rm --pod pod img cat /dev/shm/x
	namespace_is "$(podman exec p1 readlink /proc/self/ns/net)" net --pod pod
	says "$(podman exec p1 hostname)" podman run --rm --pod pod img hostname
	podman pod stop -t 0 pod
	podman pod start pod
	podman pod rm -f -t 0 pod
}

build_mounts() {
	build_from <<-EOF
		FROM img
		RUN --mount=type=tmpfs,target=/t --mount=type=cache,target=/c touch /t/x /c/x
		RUN --mount=type=bind,source=.,target=/context test -e /context/Dockerfile
	EOF
}

nothing_left() {
	podman rm -f -t 0 -a
	podman pod rm -f -a
	says '' podman ps -aq
	await eval '! pgrep conmon'
	expect_empty "$state_root"
}
