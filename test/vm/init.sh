#!/bin/busybox sh
# The first process in the virtual machine: finds the host's file system and goes over to it.
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox mount -t devtmpfs dev /dev

for module in /modules/*.ko; do
  $busybox insmod "$module" || echo "vm: could not load $module"
done

# What the guest writes goes to memory: the host's files stay as they are.
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro host /host
$busybox mount -t tmpfs -o mode=755 writable /writable
$busybox mkdir /writable/upper /writable/work
$busybox mount -t overlay -o lowerdir=/host,upperdir=/writable/upper,workdir=/writable/work overlay /root

$busybox mkdir -p /root/slipway-job
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=none job /root/slipway-job

$busybox umount /proc
$busybox umount /sys
$busybox umount /dev
exec $busybox switch_root /root /bin/sh /slipway-job/guest.sh
