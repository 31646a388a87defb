#!/bin/busybox sh
# The first process in the virtual machine: finds the Debian on the disk, lays this machine's checkout, package and modules into it, and goes over to its
# systemd.
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox mount -t devtmpfs dev /dev

for module in /modules/*.ko; do
  $busybox insmod "$module" || echo "vm: could not load $module"
done

$busybox mount -t ext4 /dev/vda /root
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro host /root/host
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=none job /root/slipway-job
. /root/slipway-job/settings

$busybox mkdir -p "/root/lib/modules/$KERNEL_VERSION" "/root$CHECKOUT"
$busybox mount --bind "/root/host$KERNEL_MODULES" "/root/lib/modules/$KERNEL_VERSION"
$busybox mount -t tmpfs -o mode=755 overlay /root/overlay
$busybox mkdir /root/overlay/upper /root/overlay/work
$busybox mount -t overlay -o "lowerdir=/root/host$CHECKOUT,upperdir=/root/overlay/upper,workdir=/root/overlay/work" overlay "/root$CHECKOUT"
$busybox mkdir -p "/root$PACKAGE_IN_GUEST"
$busybox mount --bind "/root/host$PACKAGE" "/root$PACKAGE_IN_GUEST"

$busybox umount /proc
$busybox umount /sys
$busybox umount /dev
exec $busybox switch_root /root /lib/systemd/systemd
