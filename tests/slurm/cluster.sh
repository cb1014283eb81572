#!/usr/bin/env bash
# A small Slurm cluster on one machine, for tests of jobs, requeues and node failures.
#
#   cluster.sh start N [CPUS]     a controller `head` and nodes n1..nN with CPUS (default 2) processors each
#   cluster.sh run COMMAND...     a command on head: sbatch, srun, squeue, scontrol, ...
#   cluster.sh exec NODE COMMAND  a command on a node
#   cluster.sh kill NODE          the node loses power: all its processes are gone at once
#   cluster.sh boot NODE          switches it on again
#   cluster.sh status             nodes, jobs, what is alive
#   cluster.sh stop               ends everything
#
# A node is a set of namespaces: own host name, processes, /run, /dev/shm and network, so two nodes share no memory and no
# address, but all files, as on a cluster. The addresses (192.0.2.0/24) exist only in there. The nodes share the machine's
# cores: right for behaviour and failures, meaningless for speed. Logs and state lie in ANYECG_CLUSTER_DIR (default
# /tmp/anyecg-cluster; keep it short, Slurm puts sockets there). Debian 12: slurm-wlm munge iproute2.
# Exit code 77 and a word: this machine cannot do it.
set -u
dir=${ANYECG_CLUSTER_DIR:-/tmp/anyecg-cluster}
subnet=192.0.2
head_address=$subnet.254
script=$(readlink -f "$0")
export SLURM_CONF=$dir/slurm.conf

fail() { echo "cluster.sh: $1" >&2; exit 1; }
skip() { echo "SKIP: no Slurm cluster here: $1" >&2; exit 77; }

check_machine() {
    local tool
    [ "$(uname)" = Linux ] || skip "namespaces are a matter of Linux"
    [ "$(id -u)" = 0 ] || skip "namespaces need root"
    for tool in slurmctld slurmd munged ip unshare nsenter setsid; do
        command -v $tool >/dev/null || skip "$tool is missing (apt-get install slurm-wlm munge iproute2)"
    done
    unshare --mount --uts --net --pid --fork true 2>/dev/null || skip "this container may not unshare namespaces"
    unshare --net sh -c 'ip link add name bridge0 type bridge && ip link add name veth0 type veth peer name veth1' 2>/dev/null ||
        skip "this kernel has no bridges or no veth links"
}

# ---- who is alive: a node's file `init` names its first process by pid and start time, since pids come again ----

start_time() { # PID
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    echo "${20}"
}

init_of() { # NODE → pid; fails if the node is off
    local pid since
    { read -r pid since <"$dir/$1/init"; } 2>/dev/null || return 1
    [ "$(start_time "$pid")" = "$since" ] && echo "$pid"
}

wait_until() { # SECONDS COMMAND...
    local tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}

enter() { # NODE COMMAND...
    local pid
    pid=$(init_of "$1") || fail "$1 is not up"
    shift
    nsenter --target "$pid" --mount --uts --net --pid --wdns="$PWD" "$@"
}

# ---- inside a node ----

node_main() { # NODE: its process 1
    local name=$1 number=${1#n} stat address
    # /proc is still the machine's: this is the pid as seen from outside
    read -r stat </proc/self/stat
    local outside=${stat%% *}
    start_time "$outside" >/dev/null || exit 1
    echo "$outside $(start_time "$outside")" >"$dir/$name/init.tmp"
    mount -t proc proc /proc
    hostname "$name"
    mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/munge /run/slurm /run/lock /run/tmp
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    mount --bind "$dir/hosts" /etc/hosts
    # no resolver: a name is in hosts or nowhere
    if [ -e /etc/resolv.conf ]; then mount --bind "$dir/no-resolver" /etc/resolv.conf; fi
    ip link set lo up
    if [ "$name" = head ]; then
        ip link add eth0 type bridge
        address=$head_address
        mv "$dir/$name/init.tmp" "$dir/$name/init"
    else
        mv "$dir/$name/init.tmp" "$dir/$name/init"
        wait_until 20 ip link show eth0 || exit 1
        address=$subnet.$number
    fi
    ip addr add "$address/24" dev eth0
    ip link set eth0 up
    munged --foreground --force --num-threads=2 --key-file="$dir/munge.key" --socket=/run/munge/munge.socket.2 \
        --pid-file=/run/munge/munged.pid --seed-file=/run/munge/munged.seed --log-file="$dir/$name/munged.log" &
    wait_until 20 test -S /run/munge/munge.socket.2 || exit 1
    if [ "$name" = head ]; then
        slurmctld -D -i -f "$SLURM_CONF" &
    else
        slurmd -D -f "$SLURM_CONF" &
    fi
    # process 1 stays, and as a shell it buries orphans
    while :; do
        sleep 1000 &
        wait $!
    done
}

# ---- from outside ----

write_configuration() { # N CPUS
    local n=$1 cpus=$2 i
    head -c 256 /dev/urandom >"$dir/munge.key"
    chmod 400 "$dir/munge.key"
    : >"$dir/no-resolver"
    { echo "127.0.0.1 localhost"; echo "$head_address head"; for ((i = 1; i <= n; i++)); do echo "$subnet.$i n$i"; done; } >"$dir/hosts"
    # cred_expire: a requeued job waits so long before it may start again (default 120 s, least 5 s)
    # TmpFS: PMIx keeps sockets there, and two nodes must not find each other's
    cat >"$SLURM_CONF" <<CONFIGURATION
ClusterName=anyecg
SlurmctldHost=head($head_address)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
CredType=cred/munge
MpiDefault=pmix
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
StateSaveLocation=$dir/head/state
SlurmctldLogFile=$dir/head/slurmctld.log
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdSpoolDir=$dir/%n/spool
SlurmdLogFile=$dir/%n/slurmd.log
SlurmdPidFile=/run/slurm/slurmd.pid
TmpFS=/run/tmp
SlurmdTimeout=10
SlurmctldTimeout=10
KillWait=5
KillOnBadExit=1
MinJobAge=3600
ReturnToService=2
JobRequeue=1
NodeName=n[1-$n] CPUs=$cpus State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
}

power_on() { # NODE
    local name=$1 pid head_network
    init_of "$name" >/dev/null && fail "$name is up already"
    mkdir -p "$dir/$name/spool" "$dir/$name/state"
    rm -f "$dir/$name/init"
    setsid unshare --fork --kill-child --pid --mount --uts --net bash "$script" node "$name" </dev/null >>"$dir/$name/console.log" 2>&1 &
    wait_until 20 init_of "$name" || fail "$name did not come up, see $dir/$name/console.log"
    [ "$name" = head ] && return
    pid=$(init_of "$name")
    # the cable: one end on head's bridge, the other is the node's eth0 (pids are those outside: only the network is entered)
    head_network=/proc/$(init_of head)/ns/net
    nsenter --net="$head_network" ip link del "$name" 2>/dev/null
    nsenter --net="$head_network" ip link add "$name" type veth peer name eth0 netns "$pid" || fail "$name: no network link"
    nsenter --net="$head_network" ip link set "$name" master eth0 up
}

power_off() { # NODE: the kernel ends every process of the namespace with its process 1
    local pid
    pid=$(init_of "$1") || return 0
    kill -KILL "$pid"
    wait_until 10 eval "! init_of $1" || fail "$1 (process $pid) does not end"
    rm -f "$dir/$1/init"
}

all_idle() { [ "$(enter head sinfo --noheader --Node --states=idle --format=%N | sort -u | wc -l)" = "$1" ]; }

start() { # N CPUS
    local n=$1 cpus=$2 i
    case $n$cpus in *[!0-9]* | '') fail "start takes the number of nodes and their processors: '$n' '$cpus'" ;; esac
    if [ "$n" -lt 1 ] || [ "$n" -gt 200 ]; then fail "start $n: 1 to 200 nodes"; fi
    check_machine
    init_of head >/dev/null && fail "a cluster is up in $dir; end it with: $0 stop"
    rm -rf "$dir"
    mkdir -p "$dir"
    chmod 755 "$dir"
    write_configuration "$n" "$cpus"
    echo "$n" >"$dir/nodes"
    power_on head
    for ((i = 1; i <= n; i++)); do power_on "n$i"; done
    wait_until 60 all_idle "$n" || { enter head sinfo --list-reasons; fail "the nodes did not become idle, see the logs in $dir"; }
}

stop() {
    local i n
    [ -e "$dir/nodes" ] || return 0
    n=$(cat "$dir/nodes")
    for ((i = 1; i <= n; i++)); do power_off "n$i"; done
    power_off head
    rm -rf "$dir"
}

status() {
    local i n
    n=$(cat "$dir/nodes" 2>/dev/null) || fail "no cluster in $dir"
    echo "head: $(init_of head || echo off)"
    for ((i = 1; i <= n; i++)); do echo "n$i: $(init_of "n$i" || echo off)"; done
    enter head sinfo
    enter head squeue
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
    start) start "${1:-2}" "${2:-2}" ;;
    run) enter head "$@" ;;
    exec) enter "$@" ;;
    kill) power_off "${1:?which node}" ;;
    boot) power_on "${1:?which node}" ;;
    status) status ;;
    stop) stop ;;
    node) node_main "$1" ;;
    -h | --help | help) sed -n '2,/^set -/{/^#/{s/^# \{0,1\}//;p}}' "$0" ;;
    *) echo "cluster.sh: unknown command '$command'; see --help" >&2; exit 2 ;;
esac
