#!/bin/sh
# Inside the virtual machine, as PID 1 on the host's files: makes it a Linux system like a user's, runs the job's command and
# leaves its exit code in the job folder.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8 TERM=dumb

finish() {
  echo "$1" >/slipway-job/exit-code
  sync
  # isa-debug-exit: one byte to its port ends qemu.
  printf '\0' | dd of=/dev/port bs=1 seek=244 conv=notrunc 2>/dev/null
  sleep 60
}

mount -t proc proc /proc
mount -t sysfs -o nosuid,nodev,noexec sys /sys
mount -t devtmpfs -o nosuid dev /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev shm /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t tmpfs -o nosuid,nodev,mode=755 run /run
mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
ip link set lo up
hostname slipway-vm

. /slipway-job/settings

mkdir -p "/lib/modules/$KERNEL_VERSION"
mount --bind "$KERNEL_MODULES" "/lib/modules/$KERNEL_VERSION"
# Docker loads br_netfilter on users' machines: bridged packets pass the firewall there.
modprobe -a loop tun br_netfilter

# cgroups(7), no internal processes: what delegates controllers may hold no process itself.
mkdir /sys/fs/cgroup/init
echo 1 >/sys/fs/cgroup/init/cgroup.procs
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done

mkdir -p "$SLIPWAY_TEST_DISK"
mount -t ext4 /dev/vda "$SLIPWAY_TEST_DISK" || finish 125
mkdir -m 1777 "$SLIPWAY_TEST_DISK/tmp"
export TMPDIR="$SLIPWAY_TEST_DISK/tmp"

fallocate -l 128M "$SLIPWAY_TEST_DISK/swap" && chmod 600 "$SLIPWAY_TEST_DISK/swap"
mkswap -q "$SLIPWAY_TEST_DISK/swap" && swapon "$SLIPWAY_TEST_DISK/swap"

cd "$CHECKOUT" || finish 125
# Not the last command, and not exec'd: PID 1 must stay, and must reap what is orphaned to it.
sh /slipway-job/command.sh </dev/null
finish $?
